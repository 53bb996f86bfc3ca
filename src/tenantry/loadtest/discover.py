"""What a server has: the models that each key may score, and their inputs, asked over its public API."""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import uvloop

from tenantry.errors import InvalidRequest, Unavailable
from tenantry.loadtest.client import Shot
from tenantry.loadtest.pool import Pool
from tenantry.loadtest.replies import Reply
from tenantry.loadtest.requests import Address, address_of
from tenantry.loadtest.targets import KeyLine, Target

CONNECTIONS = 16
TIMEOUT = 30.0


class Input(msgspec.Struct, frozen=True):
    """One input of a model, as its metadata name it."""

    name: str
    datatype: str


class _Metadata(msgspec.Struct, frozen=True):
    inputs: tuple[Input, ...]


class _Models(msgspec.Struct, frozen=True):
    models: tuple[str, ...]


def targets_of(url: str, keys: Sequence[KeyLine], ca: str | None = None) -> list[Target]:
    """The models behind each key: those its line names, else all that its tenant has.

    Raises ``Unavailable("load_unreachable")``, ``InvalidRequest("load_targets")``.
    """
    open_ones = [line for line in keys if not line.model]
    answers = ask(url, [("/v2/models", line_target(line, "")) for line in open_ones], ca)
    named = {id(line): (line.model,) for line in keys if line.model}
    for line, body in zip(open_ones, answers, strict=True):
        named[id(line)] = _read(body, _Models).models
    targets = [line_target(line, model) for line in keys for model in named[id(line)]]
    if not targets:
        raise InvalidRequest("load_targets", "none of the keys' tenants has a model")
    return targets


def inputs_of(url: str, targets: Sequence[Target], ca: str | None = None) -> list[tuple[Input, ...]]:
    """The inputs of each target's model. Opens every one of these models on the server."""
    asked = [(f"/v2/models/{quote(target.model, safe='')}", target) for target in targets]
    return [_read(body, _Metadata).inputs for body in ask(url, asked, ca)]


def line_target(line: KeyLine, model: str) -> Target:
    """A line's key as a target; a tenant that the file does not name is called by the line's place in it."""
    return Target(
        tenant=line.tenant or "-",
        model=model,
        key=line.key,
        acting=line.acting,
        group=line.group,
        headers=line.headers,
    )


def ask(url: str, paths: Sequence[tuple[str, Target]], ca: str | None = None) -> list[bytes]:
    """Bodies of GET replies, in order. Raises ``Unavailable("load_unreachable")`` where one is not 200."""
    address = address_of(url)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_ask(address, paths, ca))


async def _ask(address: Address, paths: Sequence[tuple[str, Target]], ca: str | None) -> list[bytes]:
    answers = _Answers(paths)
    tls = ssl.create_default_context(cafile=ca) if address.tls else None
    pool = Pool(address, answers, limit=CONNECTIONS, timeout=TIMEOUT, tls=tls)
    try:
        for number, (path, target) in enumerate(paths):
            raw = target.head(address.host_header, address.prefix + path).replace(b"POST", b"GET", 1)
            pool.fire(Shot(pool.now(), number, 0, raw + b"\r\n"))
        while pool.busy:
            await asyncio.sleep(0.002)
            pool.sweep()
    finally:
        await pool.close()
    return answers.whole()


class _Answers:
    """Collects replies by the number of their request."""

    def __init__(self, paths: Sequence[tuple[str, Target]]) -> None:
        self._paths = paths
        self._bodies: dict[int, bytes] = {}
        self._fault = ""

    def answered(self, shot: Shot, reply: Reply, now: float) -> None:
        del now
        if reply.status == 200:
            self._bodies[shot.target] = reply.body
            return
        path, target = self._paths[shot.target]
        said = _message(reply.body)
        self._fault = self._fault or f"GET {path} of the tenant {target.tenant}: {reply.status} {said}"

    def failed(self, shot: Shot, why: str, now: float) -> None:
        del now
        self._fault = self._fault or f"GET {self._paths[shot.target][0]}: {why}"

    def whole(self) -> list[bytes]:
        if self._fault:
            raise Unavailable("load_unreachable", self._fault.strip())
        return [self._bodies[number] for number in range(len(self._paths))]


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body).get("error", ""))[:200]
    except (msgspec.DecodeError, AttributeError):
        return ""


def _read(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise Unavailable(
            "load_unreachable", f"the server's answer is not a scoring API's: {error}"
        ) from error
