"""``python -m tenantry.cli``: the same as ``tenantry``."""

from tenantry.cli.entry import main

main()
