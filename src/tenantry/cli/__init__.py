"""The command line: a thin shell over the control plane and the scorers.

Receives: words, and files to read. Hands on: data on stdout, progress and errors on stderr, an exit
status (0 done, 1 failed, 2 wrong usage). Never knows: how anything is done; it works on the home folder
or through a server alike."""

from tenantry.cli.entry import main

__all__ = ["main"]
