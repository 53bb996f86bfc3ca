"""Which models are loaded: each from a folder, by a name that the platform gives it, until the platform deletes it.

Nothing is evicted here. Where memory does not suffice, loading is refused (507), and the platform decides which
models to delete before it asks again.
"""

import asyncio
import hashlib
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tenantry.errors import Conflict, InvalidRequest, NotFound, TenantryError, Unavailable
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef
from tenantry.serving import State
from tenantry.tenancy import TenantId

TENANT = TenantId("sagemaker")
"""The one tenant of such a process."""
RUNTIMES = {".tnp": "plan", ".onnx": "onnx"}
"""A model file's ending → what opens it. A folder holds one of them; the first kind found counts."""


class Loaded(NamedTuple):
    """A model that can be invoked. ``endpoint``: its name in the endpoint table."""

    name: str
    url: str
    endpoint: str
    ref: VersionRef
    columns: tuple[str, ...]


class Models:
    """On the event loop's thread. ``digest``: the SHA-256 of the key with which the edge asks the core."""

    def __init__(self, state: State, digest: str) -> None:
        self._state = state
        self._keys = {digest: KeyEntry(id="sagemaker", role="scorer", tenant=TENANT)}
        self._loaded: dict[str, Loaded] = {}
        self._turn = asyncio.Lock()
        self._number = 0
        self._publish()

    def get(self, name: str) -> Loaded:
        """The loaded model of this name. Raises ``NotFound("not_found")``."""
        try:
            return self._loaded[name]
        except KeyError:
            raise NotFound("not_found", f"no model {name[:200]!r} is loaded") from None

    def only(self) -> Loaded:
        """The model, where there is one alone. Raises ``InvalidRequest("header_value")``."""
        if len(self._loaded) != 1:
            raise InvalidRequest(
                "header_value",
                f"{len(self._loaded)} models are loaded; the header X-Amzn-SageMaker-Target-Model has to name one",
            )
        return next(iter(self._loaded.values()))

    def page(self, after: str, most: int) -> tuple[list[Loaded], str]:
        """Models in the order of their names, after ``after``; and what to ask for next, "" at the end."""
        names = sorted(name for name in self._loaded if name > after)
        more = names[most - 1] if len(names) > most else ""
        return [self._loaded[name] for name in names[:most]], more

    async def load(self, name: str, url: str) -> None:
        """Load a model from a folder or file.

        Raises ``Conflict("model_loaded")``; ``NotFound("model_url")`` where there is nothing at ``url``;
        ``InvalidRequest("model_url")`` where it is no model; ``Unavailable("models_full")``.
        """
        async with self._turn:
            if name in self._loaded:
                raise Conflict("model_loaded", f"a model {name[:200]!r} is loaded already")
            ref = await asyncio.to_thread(_found, url)
            columns = await self._open(ref)
            self._loaded[name] = Loaded(name, url, quote(name, safe=""), ref, columns)
            self._publish()

    async def _open(self, ref: VersionRef) -> tuple[str, ...]:
        residency = self._state.residency
        known = residency.state(TENANT, ref.sha256) is not None
        if not known and residency.bytes + ref.size > residency.budget:
            raise _full(ref)
        try:
            model = await asyncio.wrap_future(residency.load(TENANT, ref))
        except Unavailable:
            raise
        except TenantryError as error:
            raise InvalidRequest("model_url", f"the model's file is not usable: {error.message}") from error
        if residency.state(TENANT, ref.sha256) is None or model.sha256 not in self._held():
            raise _full(ref)
        return model.columns

    def _held(self) -> set[str]:
        states = self._state.residency.states()
        return {state.sha256 for state in states if state.state == "READY"}

    def unload(self, name: str) -> None:
        """Let go of a model. Raises ``NotFound("not_found")``."""
        gone = self.get(name)
        del self._loaded[name]
        self._publish()
        if all(one.ref.sha256 != gone.ref.sha256 for one in self._loaded.values()):
            self._state.residency.unload(TENANT, [gone.ref.sha256])

    def _publish(self) -> None:
        """Serve what is loaded, and keep it."""
        self._number += 1
        endpoints = {
            one.endpoint: Endpoint(versions={"1": one.ref}, aliases={"champion": "1"})
            for one in self._loaded.values()
        }
        self._state.residency.pin((TENANT, one.ref.sha256) for one in self._loaded.values())
        self._state.swap(
            EndpointTable(
                number=self._number, created=time.time(), keys=self._keys, endpoints={TENANT: endpoints}
            )
        )


def _found(url: str) -> VersionRef:
    """The model file at ``url``, with its digest."""
    path = Path(url)
    try:
        if path.is_dir():
            path = _one_of(path)
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("model_url", f"there is nothing at {url[:500]!r}") from None
    except (OSError, ValueError) as error:
        raise InvalidRequest("model_url", f"{url[:500]!r} cannot be read: {error}") from error
    runtime = RUNTIMES.get(path.suffix, "plan")
    digest = hashlib.sha256(data).hexdigest()
    return VersionRef(path=str(path.absolute()), sha256=digest, size=len(data), runtime=runtime)


def _one_of(folder: Path) -> Path:
    for ending in RUNTIMES:
        files = sorted(folder.rglob(f"*{ending}"))
        if len(files) > 1:
            raise InvalidRequest("model_url", f"{str(folder)!r} holds {len(files)} files *{ending}, not one")
        if files:
            return files[0]
    raise InvalidRequest("model_url", f"{str(folder)!r} holds no file *{' or *'.join(RUNTIMES)}")


def _full(ref: VersionRef) -> Unavailable:
    return Unavailable(
        "models_full", f"the model's {ref.size:,} bytes do not fit beside those that are loaded"
    )
