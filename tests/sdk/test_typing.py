"""The public surface as a type checker sees it."""

import subprocess
import sys
from pathlib import Path


def test_the_public_types_hold_under_strict_checking():
    here = Path(__file__).parent
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(here / "public_types.py")]
    done = subprocess.run(command, cwd=here.parents[1], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
