"""What scoring workers count of a rollout's traffic, in the form in which it travels to the control side (B9, C4).

Counts only, so that any two of them can be added: of workers, of seconds. No request, no score and no name of a person
is in them. A worker's batch is one record of the kind :data:`KIND` in a segment.
"""

import math

import msgspec

KIND = "rollouts"
"""The kind of segment that carries batches."""
BUCKETS_PER_OCTAVE = 8
FASTEST = 1e-5
"""Seconds; what is faster is in bucket 0. Buckets are 9 % wide."""
LAST_BUCKET = 255
"""Holds everything from 39,000 s on."""
SCORE_BINS = 20
"""Bins of a probability, one set a class."""
VALUE_BINS = 16
"""Bins of a predicted value for each factor of e in its size: 6 % wide; finer below a thousandth."""
MOST_BINS = 1024
"""Bins that one arm's scores may fill; beyond, scores go to the bin 0."""

_encoder = msgspec.msgpack.Encoder()


class ArmCounts(msgspec.Struct, omit_defaults=True, array_like=True):
    """One arm's requests. Those refused for load, and those whose caller went away, are in none of these.

    ``errors`` are among ``requests``. ``latency``: bucket (:func:`bucket_of`) → requests that succeeded. ``scores``:
    bin → requests, each spread evenly over its rows. ``scored`` rows have the sum ``total`` of their scores and the sum
    ``squares`` of their squares.
    """

    requests: int = 0
    errors: int = 0
    rows: int = 0
    latency: dict[int, int] = {}
    scores: dict[int, float] = {}
    scored: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, other: "ArmCounts") -> None:
        """Take another arm's counts in."""
        self.requests += other.requests
        self.errors += other.errors
        self.rows += other.rows
        self.scored += other.scored
        self.total += other.total
        self.squares += other.squares
        for bucket, count in other.latency.items():
            self.latency[bucket] = self.latency.get(bucket, 0) + count
        for place, mass in other.scores.items():
            self.score_in(place, mass)

    def score_in(self, place: int, mass: float) -> None:
        """Put a part of a request into a bin."""
        scores = self.scores
        if place not in scores and len(scores) >= MOST_BINS:
            place = 0
        scores[place] = scores.get(place, 0.0) + mass


class PairCounts(msgspec.Struct, omit_defaults=True, array_like=True):
    """Requests that both versions answered, in a shadow. ``agreed``: requests, each by the share of its rows that
    agree. ``difference``: the sum of the requests' mean absolute differences of scores; ``worst``: the largest one of
    a row.
    """

    pairs: int = 0
    agreed: float = 0.0
    difference: float = 0.0
    worst: float = 0.0

    def add(self, other: "PairCounts") -> None:
        """Take other pairs in."""
        self.pairs += other.pairs
        self.agreed += other.agreed
        self.difference += other.difference
        self.worst = max(self.worst, other.worst)


class Observed(msgspec.Struct, array_like=True):
    """All that was seen of one rollout since the last batch."""

    rollout: str
    champion: ArmCounts
    challenger: ArmCounts
    pairs: PairCounts

    @classmethod
    def of(cls, rollout: str) -> "Observed":
        """Nothing seen yet."""
        return cls(rollout, ArmCounts(), ArmCounts(), PairCounts())

    def add(self, other: "Observed") -> None:
        """Take more of the same rollout in."""
        self.champion.add(other.champion)
        self.challenger.add(other.challenger)
        self.pairs.add(other.pairs)


_decoder = msgspec.msgpack.Decoder(list[Observed])


def encode_batch(batch: list[Observed]) -> bytes:
    """A batch as one record."""
    return _encoder.encode(batch)


def decode_batch(data: bytes) -> list[Observed]:
    """Raises ``msgspec.DecodeError`` for bytes that are no batch."""
    return _decoder.decode(data)


def bucket_of(seconds: float) -> int:
    """The bucket of a length of time.

    >>> bucket_of(0.0), bucket_of(0.001), bucket_of(0.0021), bucket_of(1e9)
    (0, 53, 61, 255)
    """
    if seconds <= FASTEST:
        return 0
    return min(int(math.log2(seconds / FASTEST) * BUCKETS_PER_OCTAVE), LAST_BUCKET)


def bucket_end(bucket: int) -> float:
    """The seconds at which a bucket ends.

    >>> round(bucket_end(53), 5)
    0.00108
    """
    return float(FASTEST * 2.0 ** ((bucket + 1) / BUCKETS_PER_OCTAVE))


def value_bin(value: float) -> int:
    """The bin of a predicted value: evenly spaced near zero, by ratios beyond a thousandth, on both sides.

    >>> value_bin(0.0), value_bin(100.0) - value_bin(90.0), value_bin(-100.0) == -1 - value_bin(100.0)
    (0, 2, True)
    """
    return math.floor(math.asinh(value * 1e3) * VALUE_BINS)
