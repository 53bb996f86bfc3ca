"""A worker's figures as a file: ``<home>/run/stats/worker-<N>``, replaced as a whole once a second.

The file outlives its worker. Siblings go on counting it, and the worker that takes the place goes on from it, so that
no total ever goes backwards, whatever is killed when.
"""

from pathlib import Path
from typing import TypeAlias

import msgspec

from tenantry.errors import Corrupt
from tenantry.serving.stats_cells import WIDTH

FORMAT = 1
STALE_SECONDS = 5.0
"""A snapshot older than this is of a worker that is gone or stuck: its counts stay, its present state is not told."""

Key: TypeAlias = tuple[str, str, str]
"""Tenant, deployment, version; all empty for the row that sums up what has no row of its own."""

_FILE = "worker-"
_keys = msgspec.msgpack.Decoder(list[Key])


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one worker. Times are in seconds since the epoch; ``epoch`` + monotonic time = time.

    ``cells`` are the rows of all models, WIDTH floats each, in the order of ``keys`` (msgpack of ``list[Key]``, kept
    encoded because it seldom changes). ``counts`` and ``gauges``: figure → label → value.
    """

    format: int
    worker: int
    boot: str
    started: float
    created: float
    epoch: float
    keys: msgspec.Raw
    cells: bytes
    totals: list[float]
    counts: dict[str, dict[str, float]]
    gauges: dict[str, dict[str, float]]

    def key_list(self) -> list[Key]:
        """The keys, decoded. Raises ``msgspec.DecodeError``."""
        return _keys.decode(self.keys)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


def path_of(folder: Path, worker: int) -> Path:
    """The snapshot file of a worker."""
    return folder / f"{_FILE}{worker}"


def write(folder: Path, snapshot: Snapshot) -> None:
    """Replace the worker's file. Not synced: a power cut ends the worker too."""
    path = path_of(folder, snapshot.worker)
    temporary = folder / f".{path.name}.part"
    try:
        temporary.write_bytes(_encoder.encode(snapshot))
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(_encoder.encode(snapshot))
    temporary.replace(path)


def read(path: Path) -> Snapshot:
    """Raises ``FileNotFoundError``, or ``Corrupt("stats_corrupt")`` for bytes that are no snapshot of this build."""
    data = path.read_bytes()
    try:
        snapshot = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Corrupt("stats_corrupt", f"{path} is no snapshot of a worker's figures: {error}") from error
    whole = len(snapshot.cells) % (8 * WIDTH) == 0 and len(snapshot.totals) == WIDTH
    if snapshot.format != FORMAT or not whole:
        raise Corrupt("stats_corrupt", f"{path} has another form of figures than this build's")
    return snapshot


def files(folder: Path) -> list[Path]:
    """The snapshot files of all workers, living and gone."""
    return sorted(folder.glob(f"{_FILE}*"))
