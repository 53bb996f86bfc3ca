"""Reading a model's file, and remembering for a while which ones could not be read. Runs in the loader's thread."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from tenantry.errors import Corrupt, Internal, TenantryError, Unavailable, Unsupported
from tenantry.routing import VersionRef
from tenantry.serving.eviction import Key
from tenantry.serving.models import Model
from tenantry.serving.ports import Runtime
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

FIRST_PAUSE = 1.0
"""Seconds for which a file that could not be opened is not tried again; doubled with each further failure."""
LONGEST_PAUSE = 60.0
FAILURES_KEPT = 4_096
PAGE = 4_096
BOOKKEEPING_BYTES = 260
"""Per model, beside its own objects: its key, its places in a dictionary and in the ranking's heap."""

_log = get_logger("serving.models")


def read_model(home: Path, runtimes: Mapping[str, Runtime], tenant: TenantId, ref: VersionRef) -> Model:
    """Compare the file's digest, open it, and measure what it takes.

    Raises ``Unavailable("model_unavailable")`` where the file cannot be read, ``Corrupt("plan_corrupt")`` where its
    bytes are wrong, ``Unsupported`` where its runtime cannot run it here.
    """
    path = home / ref.path
    runtime = runtimes.get(ref.runtime)
    if runtime is None:
        _log.error("runtime unknown", tenant=tenant, path=str(path), runtime=ref.runtime)
        raise Unavailable("model_unavailable", f"this worker has no runtime {ref.runtime!r}")
    try:
        # Hashing lets other threads run; so do the reads.
        with path.open("rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != ref.sha256:
            raise Corrupt("plan_corrupt", f"{path} does not have the digest {ref.sha256}")
        model = Model(runtime.open(path), runtime)
    except OSError as error:
        _log.error("plan unreadable", tenant=tenant, path=str(path), error=str(error))
        raise Unavailable("model_unavailable", "the model's plan cannot be read now") from error
    except Unsupported as error:
        _log.error("model not supported", tenant=tenant, path=str(path), error=str(error))
        raise
    except (TenantryError, ValueError, LookupError) as error:
        # The caller is told what is wrong, and only the log where the file lies.
        _log.error("plan refused", tenant=tenant, path=str(path), error=str(error))
        message = "the model's stored plan is damaged, or of another version"
        raise Corrupt("plan_corrupt", message) from error
    model.tenant = tenant
    model.sha256 = ref.sha256
    model.nbytes = measured_bytes(model)
    return model


def measured_bytes(model: Model) -> int:
    """Bytes that the model takes: the plan's, in whole pages, and the objects that no other model shares."""
    plan = model.plan
    own = sys.getsizeof(model) + sys.getsizeof(plan) + sys.getsizeof(plan.columns) + BOOKKEEPING_BYTES
    return (plan.nbytes + PAGE - 1) // PAGE * PAGE + own


class Failures:
    """Files that could not be opened: the error is told again, without a look at the file, until a pause is over."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[BaseException, float, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def add(self, key: Key, error: BaseException, now: float) -> None:
        """Remember a failure, for twice as long as the last."""
        _, _, pause = self._known.pop(key, (None, 0.0, FIRST_PAUSE / 2))
        pause = min(2 * pause, LONGEST_PAUSE)
        self._known[key] = (_fresh(error), now + pause, pause)
        if len(self._known) > FAILURES_KEPT:
            del self._known[next(iter(self._known))]

    def recent(self, key: Key, now: float) -> BaseException | None:
        """A fresh copy of the error, while its pause lasts; one exception raised often would grow with each raise."""
        known = self._known.get(key)
        if known is None or now >= known[1]:
            return None
        return _fresh(known[0])

    def forget(self, key: Key) -> None:
        """It was opened after all, or nothing names it any more."""
        self._known.pop(key, None)

    def keys(self) -> list[Key]:
        """What is remembered."""
        return list(self._known)


def _fresh(error: BaseException) -> BaseException:
    """The same error without the traceback and cause, which hold frames."""
    if isinstance(error, TenantryError):
        return type(error)(error.code, error.message, hint=error.hint, details=error.details)
    return Internal("internal", f"the model could not be opened: {type(error).__name__}")
