"""Data sets: files that become immutable snapshots. Uploads stream to disk."""

import tempfile
from functools import partial
from pathlib import Path
from typing import IO

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from tenantry.api.answers import DatasetProfile, Uploaded
from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.datasets import Snapshot
from tenantry.errors import InvalidRequest
from tenantry.ingest import delimiter_of, encoding_of
from tenantry.tenancy import name_of

_CHUNK = 1 << 20


class UploadQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file's name where the body is the file itself. The encoding of a text, and the sign between its
    values (or that sign's name: tab, space), are told by its bytes where they are not given."""

    filename: str = ""
    encoding: str = ""
    delimiter: str = ""


def list_snapshots(call: Call) -> Page[Snapshot]:
    """List the snapshots of all data sets, latest first."""
    return Page.of(call.control.snapshots(call.tenant), call.query)


def list_dataset_snapshots(call: Call) -> Page[Snapshot]:
    """List the snapshots of one data set, latest first."""
    return Page.of(call.control.snapshots(call.tenant, call.path["dataset"]), call.query)


def show_dataset_profile(call: Call) -> DatasetProfile:
    """Show what the columns of a data set's latest snapshot look like."""
    return call.control.profile(call.tenant, call.path["dataset"])


async def upload_dataset(call: Call) -> Uploaded:
    """Upload a table, which becomes the data set's latest snapshot.

    The body is the file itself, or a multipart form with the field ``file``: CSV (any delimiter, encoding,
    quoting), Parquet or JSON lines, each also gzipped. The same table again is the same snapshot. Where the
    encoding had to be guessed, ``notes`` says so; name it (``encoding``) where letters look wrong.
    """
    tenant, name = call.tenant, name_of(call.path["dataset"])
    # Before the body: nobody should send gigabytes to be told of a wrong name.
    encoding = encoding_of(call.query.encoding) if call.query.encoding else None
    delimiter = delimiter_of(call.query.delimiter) if call.query.delimiter else None
    with tempfile.TemporaryDirectory(prefix="tenantry-upload-") as folder:
        path, source = await _receive(call, Path(folder))
        save = partial(call.control.save_dataset, encoding=encoding, delimiter=delimiter)
        return await run_in_threadpool(save, tenant, name, path, source)


async def _receive(call: Call, folder: Path) -> tuple[Path, str]:
    """Stream the file to ``folder``; returns its path, and its name as the client gave it."""
    limit = call.control.upload_limit_bytes
    if call.request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _receive_form(call.request, folder, limit)
    named = call.query.filename
    path = folder / "table"
    size = 0
    with path.open("wb") as file:
        async for chunk in call.request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            await run_in_threadpool(file.write, chunk)
    if size == 0:
        raise InvalidRequest("upload_empty", "the body is empty")
    return path, _shown(named)


async def _receive_form(request: Request, folder: Path, limit: int) -> tuple[Path, str]:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit + _CHUNK:  # the form's own lines are in it too
            raise _too_large(limit)
        return message

    try:
        async with Request(request.scope, bounded).form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidRequest("upload_empty", "the form has no field 'file' with a file in it")
            path, name = folder / "table", _shown(file.filename or "")
            size = await run_in_threadpool(_copy, file.file, path, limit)
    except (MultiPartException, HTTPException) as error:
        said = error.message if isinstance(error, MultiPartException) else error.detail
        raise InvalidRequest("upload_empty", f"the form cannot be read: {said}") from error
    if size == 0:
        raise InvalidRequest("upload_empty", "the file in the form is empty")
    return path, name


def _copy(source: IO[bytes], path: Path, limit: int) -> int:
    size = 0
    with path.open("wb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            target.write(chunk)
    return size


def _shown(filename: str) -> str:
    """The client's name of the file, as messages and the snapshot's source show it: no folders, no
    control signs."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in name if sign.isprintable())[:200] or "upload"


def _too_large(limit: int) -> InvalidRequest:
    return InvalidRequest(
        "body_too_large",
        f"the file has more than {limit:,} bytes",
        hint="Send fewer rows or columns, or gzip the file; TENANTRY_UPLOAD_LIMIT_BYTES sets the limit.",
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/datasets",
        scope=Scope.TENANT,
        action="data:read",
        handler=list_snapshots,
        query=Paging,
        reply=Page[Snapshot],
    ),
    Route(
        method="GET",
        path="/api/v1/datasets/{dataset}",
        scope=Scope.TENANT,
        action="data:read",
        handler=list_dataset_snapshots,
        query=Paging,
        reply=Page[Snapshot],
    ),
    Route(
        method="GET",
        path="/api/v1/datasets/{dataset}/profile",
        scope=Scope.TENANT,
        action="data:read",
        handler=show_dataset_profile,
        reply=DatasetProfile,
    ),
    Route(
        method="POST",
        path="/api/v1/datasets/{dataset}",
        scope=Scope.TENANT,
        action="data:write",
        handler=upload_dataset,
        query=UploadQuery,
        reply=Uploaded,
        status=201,
        upload=True,
    ),
)
