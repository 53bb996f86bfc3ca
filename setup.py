"""Builds the plan kernel; everything else about the package is in pyproject.toml.

The compiler is called directly, with flags of our own: those that Python was built with (link-time optimisation,
contraction of multiply-add, a distribution's specs) must not change a score, and the compiler of the PyPI wheel
``ziglang``, which serves machines that have none, does not know them all.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("src/tenantry/plan/native")
FLAGS = [
    "-std=c11",
    "-O2",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-Wno-psabi",
    "-D_GNU_SOURCE",
    "-DNDEBUG",
    "-pthread",
]


def compiler() -> list[str]:
    """``$CC``, else the first C compiler on the path, else the one in the ``ziglang`` wheel."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    return [found] if found else [sys.executable, "-m", "ziglang", "cc"]


class BuildKernel(build_ext):
    """One call of the compiler for the one extension."""

    def build_extension(self, ext: Extension) -> None:
        """Compile and link all sources of ``ext``."""
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
        include = [
            f"-I{path}" for path in {sysconfig.get_path("include"), sysconfig.get_path("platinclude")} if path
        ]
        # built beside its place and renamed into it: a process that has the old file mapped keeps it
        new = target.with_suffix(".new")
        command = [*compiler(), *FLAGS, "-fPIC", *shared, *include, *ext.sources, "-lm", "-o", str(new)]
        subprocess.run(command, check=True)  # noqa: S603 (the compiler that the user chose)
        new.replace(target)


KERNEL = Extension(
    "tenantry.plan._kernel",
    sources=sorted(str(path) for path in NATIVE.glob("*.c")),
    depends=sorted(str(path) for path in NATIVE.glob("*.h")),
    py_limited_api=True,
)

setup(
    ext_modules=[KERNEL],
    cmdclass={"build_ext": BuildKernel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
