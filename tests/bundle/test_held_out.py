import numpy as np
import pytest

from tenantry.bundle.held_out import MOST_BYTES, HeldOut
from tenantry.errors import Corrupt


def _hashes(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 64, rows, dtype=np.uint64)


def _kept(hashes: np.ndarray, outputs: int = 2) -> HeldOut:
    return HeldOut.of(("a", "b"), hashes, np.tile(np.arange(len(hashes), dtype=float)[:, None], outputs))


def test_it_comes_back_as_it_was_written() -> None:
    kept = _kept(_hashes(500))
    back = HeldOut.decode(kept.encode())
    assert (back.columns, back.limit) == (("a", "b"), kept.limit)
    assert (back.hashes == kept.hashes).all()
    assert (back.predicted == kept.predicted).all()


def test_rows_are_found_with_what_was_said_of_them() -> None:
    hashes = _hashes(500)
    kept = _kept(hashes)
    places = kept.places(np.concatenate((hashes[:3], _hashes(2, seed=9))))
    assert kept.predicted[places[:3], 0].tolist() == [0.0, 1.0, 2.0]
    assert places[3:].tolist() == [-1, -1]


def test_many_rows_are_sampled_by_their_own_hashes_so_that_both_versions_keep_the_same() -> None:
    shared, other = _hashes(60_000), _hashes(30_000, seed=1)
    kept = _kept(shared)
    assert len(kept.encode()) <= MOST_BYTES + 200
    later = np.concatenate((other, shared))
    compared = later[later <= np.uint64(kept.limit)]
    seen = kept.places(compared) >= 0
    assert seen.sum() == len(kept.hashes)
    assert len(compared) / len(later) == pytest.approx(len(kept.hashes) / len(shared), rel=0.05)


def test_equal_rows_are_kept_once() -> None:
    kept = _kept(np.array([7, 7, 3], dtype=np.uint64))
    assert kept.hashes.tolist() == [3, 7]
    assert kept.predicted[:, 0].tolist() == [2.0, 0.0]


@pytest.mark.parametrize("cut", [0, 10, -3])
def test_a_damaged_file_is_refused(cut: int) -> None:
    with pytest.raises(Corrupt) as refused:
        HeldOut.decode(_kept(_hashes(10)).encode()[:cut])
    assert refused.value.code == "bundle_corrupt"
