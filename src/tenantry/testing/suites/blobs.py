"""What every blob store must do."""

import hashlib
import threading
from pathlib import Path

import pytest

from tenantry.ports.blobs import Blobs
from tenantry.testing.suites.base import ACME, GLOBEX, refusal

NO_DIGEST = "0" * 64


class BlobsSuite:
    """Subclass and give it ``make_blobs``."""

    def make_blobs(self, folder: Path) -> Blobs:
        """A fresh, empty store. ``folder`` is empty, and the test's own."""
        raise NotImplementedError(f"{type(self).__name__} must define make_blobs(folder)")

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        """The store under test."""
        return self.make_blobs(tmp_path / "store")

    @pytest.mark.parametrize("data", [b"", b"one", bytes(range(256)) * 8192], ids=["empty", "small", "2 MB"])
    def test_gives_back_the_bytes_under_their_sha256(self, blobs: Blobs, data: bytes) -> None:
        digest = blobs.put(ACME, data)
        assert digest == hashlib.sha256(data).hexdigest()
        assert blobs.get(ACME, digest) == data
        assert blobs.path(ACME, digest).read_bytes() == data
        assert blobs.has(ACME, digest)

    def test_putting_the_same_bytes_again_changes_nothing(self, blobs: Blobs) -> None:
        assert blobs.put(ACME, b"one") == blobs.put(ACME, b"one")
        assert blobs.get(ACME, blobs.put(ACME, b"one")) == b"one"

    def test_another_tenants_blob_is_as_one_that_does_not_exist(self, blobs: Blobs) -> None:
        digest = blobs.put(ACME, b"secret of acme")
        for call in (blobs.get, blobs.path):
            foreign = refusal(call, GLOBEX, digest)
            assert foreign == {**refusal(call, GLOBEX, NO_DIGEST), "error": f"there is no blob {digest!r}"}
        assert not blobs.has(GLOBEX, digest)

    def test_the_same_bytes_of_two_tenants_are_two_blobs(self, blobs: Blobs) -> None:
        digest = blobs.put(ACME, b"shared")
        blobs.put(GLOBEX, b"shared")
        blobs.delete(ACME, digest)
        assert not blobs.has(ACME, digest)
        assert blobs.get(GLOBEX, digest) == b"shared"

    def test_deleting_twice_is_no_error(self, blobs: Blobs) -> None:
        digest = blobs.put(ACME, b"one")
        blobs.delete(ACME, digest)
        blobs.delete(ACME, digest)
        refusal(blobs.get, ACME, digest)

    def test_an_open_file_stays_readable_after_its_blob_is_deleted(self, blobs: Blobs) -> None:
        digest = blobs.put(ACME, b"mapped by a worker")
        with blobs.path(ACME, digest).open("rb") as held:
            blobs.delete(ACME, digest)
            assert held.read() == b"mapped by a worker"

    @pytest.mark.parametrize("digest", ["", "abc", "../" * 20, "A" * 64, "0" * 63 + "/", "0" * 64 + "\n"])
    def test_what_is_no_digest_names_nothing(self, blobs: Blobs, digest: str) -> None:
        refusal(blobs.get, ACME, digest)
        refusal(blobs.path, ACME, digest)
        assert not blobs.has(ACME, digest)
        blobs.delete(ACME, digest)

    def test_many_threads_may_put_the_same_and_other_bytes(self, blobs: Blobs) -> None:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for i in range(20):
                    data = f"{i % 5} {number if i % 2 else 'all'}".encode()
                    assert blobs.get(ACME, blobs.put(ACME, data)) == data
            except BaseException as error:  # noqa: BLE001  handed to the main thread
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
