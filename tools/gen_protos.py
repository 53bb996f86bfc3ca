"""Compile the .proto files of the gRPC edge into one descriptor set: ``python tools/gen_protos.py [--check]``.

A descriptor set holds for every version of protobuf, where generated modules hold for that of their compiler and
newer; and it goes into a pool of its own, so that a process may also import another's stubs of the same messages.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

FOLDER = Path(__file__).parents[1] / "src" / "tenantry" / "adapters" / "grpc"
COMPILED = FOLDER / "protocol.binpb"


def compiled() -> bytes:
    """The descriptor set of all .proto files, with what they import. Raises ``SystemExit`` where one is wrong."""
    names = sorted(path.name for path in FOLDER.glob("*.proto"))
    known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        code = protoc.main(
            [
                "protoc",
                f"-I{FOLDER}",
                f"-I{known}",
                "--include_imports",
                f"--descriptor_set_out={out}",
                *names,
            ]
        )
        if code:
            raise SystemExit(code)
        return out.read_bytes()


def main() -> int:
    """Write the descriptor set, or say whether it is current; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where the set is not current"
    )
    data = compiled()
    if parser.parse_args().check:
        return 0 if COMPILED.read_bytes() == data else 1
    COMPILED.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
