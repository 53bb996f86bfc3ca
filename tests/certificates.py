"""Certificates that sign themselves, for servers of the tests' own."""

import subprocess
from pathlib import Path


def self_signed(folder: Path, *names: str) -> tuple[Path, Path]:
    """A certificate for ``names`` (each as ``DNS:…`` or ``IP:…``) in this folder, and its key."""
    folder.mkdir(exist_ok=True)
    chain, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", f"/CN={names[0].partition(':')[2]}", "-addext", f"subjectAltName={','.join(names)}",
            "-keyout", key, "-out", chain,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return chain, key
