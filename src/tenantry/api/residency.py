"""What is told of a model's copies in the scoring workers (C2); ``residency_signs`` finds it out."""

from typing import Literal

import msgspec

State = Literal["ready", "absent", "unknown"]


class Eviction(msgspec.Struct, frozen=True, kw_only=True):
    """A version's file left a worker's memory, or was not kept there. ``at`` in seconds since the epoch; ``bytes`` that
    it took; ``uses`` since it was loaded, ``idle`` seconds since the last; ``seconds`` that loading it had taken."""

    at: float
    worker: int
    version: str
    what: str
    why: str
    bytes: int
    uses: int
    idle: float
    seconds: float


class ModelCopy(msgspec.Struct, frozen=True, kw_only=True):
    """One version in one worker. ``requests`` that it was asked since the figures began, and ``asked``, the time of the
    last; ``why`` says in words what ``state`` goes by."""

    worker: int
    version: str
    state: State
    why: str
    requests: int = 0
    asked: float | None = None


class Residency(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a model in the scoring workers. ``told`` says it in words; ``evictions``: latest first."""

    model: str
    pinned: bool
    told: tuple[str, ...]
    copies: tuple[ModelCopy, ...]
    evictions: tuple[Eviction, ...]
