"""One file for a fitted predictor: a zip archive of the plan and JSON, nothing that executes when it is read.

``predictor.json`` names the format, the parameters, the label words with their types, the raw columns, and
the SHA-256 of every other part: ``plan.tnp``, ``scorecard.json``, ``model_card.md``, ``reference.json``, and
where the model has them ``insights.json`` and ``similar.json.z``.
"""

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import msgspec

from tenantry.errors import Corrupt, NotFound

HEAD = "predictor.json"
PARTS = ("plan.tnp", "scorecard.json", "model_card.md", "reference.json")
OPTIONAL_PARTS = ("insights.json", "similar.json.z")
"""Parts that files of earlier releases lack; each that is there has its digest in the head."""
FORMAT = 1
MAX_PART = 256 * 1024 * 1024
"""Most bytes that a part may unpack to; plans are below 2 MB."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What ``predictor.json`` holds. ``labels`` are the classes as the caller wrote them, ``label_kind``
    NumPy's letter for their type; ``columns`` those of ``X``, which had names of its own where ``named``."""

    format: int
    params: dict[str, Any]
    columns: tuple[str, ...]
    named: bool
    target: str
    labels: tuple[str | float | int | bool, ...]
    label_kind: str
    sha256: dict[str, str]


def write(path: Path, head: Head, parts: dict[str, bytes]) -> None:
    """Write the archive beside ``path`` and move it there, so that no reader sees half of it. The bytes
    depend on the content alone."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    encoded = msgspec.json.format(
        msgspec.json.encode(msgspec.structs.replace(head, sha256=digests)), indent=1
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {HEAD: encoded, **parts}.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(packed.getvalue())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> tuple[Head, dict[str, bytes]]:
    """The head and the parts, each checked against its digest.

    Raises:
        NotFound: ``file_not_found``.
        Corrupt: ``predictor_corrupt``.
    """
    if not path.is_file():
        raise NotFound("file_not_found", f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            head = msgspec.json.decode(_part(archive, HEAD), type=Head)
            there = [name for name in OPTIONAL_PARTS if name in head.sha256]
            parts = {name: _part(archive, name) for name in (*PARTS, *there)}
    except (
        zipfile.BadZipFile,
        msgspec.MsgspecError,
        KeyError,
        EOFError,
        NotImplementedError,
        OSError,
    ) as error:
        raise Corrupt("predictor_corrupt", f"{path} is no saved predictor: {error}") from error
    if head.format != FORMAT:
        raise Corrupt(
            "predictor_corrupt", f"{path} has the format {head.format}; this release reads {FORMAT}"
        )
    for name, data in parts.items():
        if hashlib.sha256(data).hexdigest() != head.sha256.get(name):
            raise Corrupt("predictor_corrupt", f"{name} in {path} is not what was saved")
    return head, parts


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > MAX_PART:
        raise zipfile.BadZipFile(f"{name} unpacks to {info.file_size} bytes")
    with archive.open(info) as file:
        data = file.read(MAX_PART + 1)
    if len(data) > MAX_PART:
        raise zipfile.BadZipFile(f"{name} is longer than it says")
    return data
