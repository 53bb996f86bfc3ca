"""Whom a load test asks: tenants and their models, each with the key that may score there."""

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from tenantry.errors import InvalidRequest

_NAME = re.compile(r"[A-Za-z0-9-]+")
_YES = frozenset({"1", "true", "yes", "y"})
_PLAIN = frozenset({"key", "tenant", "model", "acting", "class"})


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One model of one tenant.

    ``acting``: the key is an operator's, which acts for ``tenant`` by the header X-Tenant. ``group``: what the report
    gathers the requests under (a priority class, a plan, a region); ``headers``: sent with every request.
    """

    tenant: str
    model: str
    key: str
    acting: bool = False
    group: str = ""
    headers: dict[str, str] = {}

    @property
    def name(self) -> str:
        """Tenant and model as the report shows them."""
        return f"{self.tenant}/{self.model}"

    def head(self, host: str, path: str) -> bytes:
        """The head of a POST up to where the length and the body follow."""
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {host}",
            "Content-Type: application/json",
            f"Authorization: Bearer {self.key}",
        ]
        if self.acting:
            lines.append(f"X-Tenant: {self.tenant}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n").encode("latin-1")


class KeyLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a file of keys. ``model`` is empty where every model of the tenant is meant."""

    key: str
    tenant: str = ""
    model: str = ""
    acting: bool = False
    group: str = ""
    headers: dict[str, str] = {}


def read_keys(file: Path) -> list[KeyLine]:
    """Keys from CSV: the column ``key``, and where wanted ``tenant``, ``model``, ``acting`` (the key is an operator's,
    which acts for the tenant), ``class`` and ``header:NAME``.

    Raises ``InvalidRequest("load_keys")`` that names the line; a key's text is never shown.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            _check_columns(file, reader.fieldnames or ())
            return [_line(row, f"{file.name}, line {number}") for number, row in enumerate(reader, 2)]
    except OSError as error:
        raise InvalidRequest("load_keys", f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest("load_keys", f"{file} is no CSV in UTF-8: {error}") from error


def safe_header(name: str, value: str) -> bool:
    """Whether a header can be sent as it is: no control characters, so that no value adds a line of its own."""
    return bool(_NAME.fullmatch(name)) and value.isprintable() and value.isascii()


def _check_columns(file: Path, columns: Iterable[str]) -> None:
    names = set(columns)
    if "key" not in names:
        raise InvalidRequest("load_keys", f"{file} has no column 'key'")
    unknown = sorted(name for name in names - _PLAIN if not name.startswith("header:"))
    if unknown:
        raise InvalidRequest("load_keys", f"{file} has a column {unknown[0]!r} that means nothing here")


def _line(row: Mapping[str | None, str | None], where: str) -> KeyLine:
    if None in row:
        raise InvalidRequest("load_keys", f"{where} has more fields than the heading")
    cells = {str(name): (value or "").strip() for name, value in row.items()}
    headers = {n.removeprefix("header:"): v for n, v in cells.items() if n.startswith("header:") and v}
    acting = cells.get("acting", "").lower() in _YES
    if not cells["key"] or not safe_header("key", cells["key"]):
        raise InvalidRequest("load_keys", f"{where} has no key, or one that no header can carry")
    for name, value in headers.items():
        if not safe_header(name, value):
            raise InvalidRequest("load_keys", f"{where} has a header {name!r} that cannot be sent")
    if acting and not cells.get("tenant"):
        raise InvalidRequest("load_keys", f"{where} acts for a tenant and names none")
    return KeyLine(
        key=cells["key"],
        tenant=cells.get("tenant", ""),
        model=cells.get("model", ""),
        acting=acting,
        group=cells.get("class", ""),
        headers=headers,
    )
