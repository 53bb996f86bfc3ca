"""Which model versions have series of their own: the busiest, chosen once for all workers of a machine.

Any worker answers a scrape, so the choice is a file that they share (``<home>/run/stats/top``). Three rules keep every
series a proper counter, whoever answers, and their sum equal to the total:

- a version that comes in begins at zero; what it had done before stays in ``(other)``;
- what a version had shown when it goes is kept in ``(left)``, so that ``(other)`` makes no leap;
- the choice changes once a minute at most, a few places at a time, and only for a version that was twice as busy as the
  one that gives way.
"""

import fcntl
import heapq
import os
from operator import sub
from pathlib import Path

import msgspec

from tenantry.serving.stats import OTHER
from tenantry.serving.stats_cells import LAST
from tenantry.serving.stats_merged import View, merged_row
from tenantry.serving.stats_snapshot import Key

PLACES = 50
HOLD_SECONDS = 60.0
SWAPS = 5
FACTOR = 2.0

_FILE = "top"


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A chosen version, and its figures when it was chosen, which its series leave out."""

    key: Key
    base: list[float]


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """The choice. ``left``: sums of what those that went had shown. ``changed``: seconds since the epoch."""

    number: int = 0
    changed: float = 0.0
    entries: list[Entry] = []
    left: tuple[float, ...] = (0.0,) * LAST


_decoder = msgspec.msgpack.Decoder(Top)


def load(folder: Path) -> Top:
    """The choice in force; an empty one where there is none or its file is damaged."""
    try:
        top = _decoder.decode((folder / _FILE).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return Top()
    good = len(top.left) == LAST and all(len(entry.base) == LAST for entry in top.entries)
    return top if good else Top()


def commit(folder: Path, top: Top) -> Top:
    """Put a new choice in force, unless another worker has been faster; returns what is in force now."""
    handle = os.open(folder / f"{_FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        current = load(folder)
        if current.number != top.number - 1:
            return current
        temporary = folder / f"{_FILE}.part"
        temporary.write_bytes(msgspec.msgpack.encode(top))
        temporary.replace(folder / _FILE)
        return top
    finally:
        os.close(handle)


def shown(views: list[View], entry: Entry) -> list[float]:
    """What an entry's series tell now."""
    return list(map(sub, merged_row(views, entry.key)[:LAST], entry.base))


class Ranking:
    """Ranks by the requests since the last look, as one worker sees it."""

    def __init__(self, places: int = PLACES) -> None:
        self._places = places
        self._before: dict[int, list[float]] = {}
        self._looked = 0.0

    def choose(self, views: list[View], top: Top, now: float) -> Top | None:
        """A better choice than ``top``, or None where it may stay."""
        due = now - max(top.changed, self._looked) >= HOLD_SECONDS
        room = self._places - len(top.entries)
        if not due and room <= 0:
            return None
        heat = self._heat(views, top)
        chosen = {entry.key for entry in top.entries}
        waiting = sorted(
            (key for key in heat if key not in chosen and heat[key] > 0), key=lambda key: -heat[key]
        )
        coming = waiting[: max(room, 0)]
        going: list[Key] = []
        if due:
            if self._looked:  # the first look knows all of the past, and not what is busy now
                going, swapped = _swaps(heat, chosen, waiting[len(coming) :])
                coming += swapped
            self._remember(views, now)
        return _changed(views, top, coming, going, now) if coming else None

    def _remember(self, views: list[View], now: float) -> None:
        self._before = {view.snapshot.worker: view.requests() for view in views}
        self._looked = now

    def _heat(self, views: list[View], top: Top) -> dict[Key, float]:
        """Requests since the last look: of the chosen, and of each worker's busiest."""
        heat = {entry.key: 0.0 for entry in top.entries}
        first = top.number == 0  # nothing was ever chosen: all of the past counts
        recent = [(view, view.requests() if first else self._recent(view)) for view in views]
        for view, requests in recent:
            places = heapq.nlargest(2 * self._places, range(len(requests)), key=requests.__getitem__)
            heat.update((view.keys[place], 0.0) for place in places)
        heat.pop(OTHER, None)
        for view, requests in recent:
            for key in heat:
                place = view.place(key)
                if place is not None:
                    heat[key] += max(0.0, requests[place])
        return heat

    def _recent(self, view: View) -> list[float]:
        requests = view.requests()
        before = self._before.get(view.snapshot.worker, [])
        return [*map(sub, requests, before), *requests[len(before) :]]


def _swaps(heat: dict[Key, float], chosen: set[Key], waiting: list[Key]) -> tuple[list[Key], list[Key]]:
    """Who goes and who comes for them: the quietest of the chosen for those that are far busier."""
    quiet = sorted(chosen, key=lambda key: heat[key])[:SWAPS]
    pairs = [(old, new) for old, new in zip(quiet, waiting, strict=False) if heat[new] > FACTOR * heat[old]]
    return [old for old, _ in pairs], [new for _, new in pairs]


def _changed(views: list[View], top: Top, coming: list[Key], going: list[Key], now: float) -> Top:
    left = top.left
    entries = []
    for entry in top.entries:
        if entry.key in going:
            left = tuple(a + b for a, b in zip(left, shown(views, entry), strict=True))
        else:
            entries.append(entry)
    # The first choice is made before anything was told, so that nothing has to be left out.
    first = top.number == 0
    entries += [Entry(key, [0.0] * LAST if first else merged_row(views, key)[:LAST]) for key in coming]
    return Top(number=top.number + 1, changed=now, entries=entries, left=left)
