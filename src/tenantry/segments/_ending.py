"""The end of a segment, beside its writer: synced first, then named as closed, so that a closed one is whole."""

import os
import threading
from pathlib import Path

from tenantry.segments._names import CLOSED, sync_folder


class Ending:
    """One segment on its way to be closed, on a thread of its own: a sync may take the disk a second."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="segment-ending", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the system has no thread to give
            self._run()

    @property
    def done(self) -> bool:
        """Whether it is over, well or not."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Until it is over. Raises ``OSError`` where the disk failed: the segment is left open then, by nobody."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            os.fsync(self._handle)
            self.path.rename(self.path.with_suffix(CLOSED))
            sync_folder(self.path.parent)
        except OSError as error:
            self._error = error
        finally:
            os.close(self._handle)
