"""How a file is written, for the commands that read one."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Written:
    """What the file's bytes may leave open."""

    encoding: Annotated[
        str | None, Parameter(help="The text's encoding, such as cp1250; told by the bytes if not given.")
    ] = None
    delimiter: Annotated[
        str | None,
        Parameter(help="The sign between values, or its name: tab, space; told by the rows if not given."),
    ] = None
