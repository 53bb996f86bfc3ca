"""Scores over HTTP: records in requests of a size, sent again where the server has no room for them yet."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from tenantry.api.answers import VersionDetail
from tenantry.cli.backend import Prediction, Reason
from tenantry.cli.transport import decoded, word
from tenantry.errors import NotFound, Overloaded, Unavailable
from tenantry.tenancy import TenantId

ROWS_PER_REQUEST = 500
LOOK_AGAIN_SECONDS = 0.2
PUBLISH_SECONDS = 3.0
"""Workers look for a new endpoint table several times a second."""
PATIENCE_SECONDS = 120.0
"""The longest that one request is sent again and again while the server says that there is no room for it yet."""


class _Scored(msgspec.Struct, frozen=True):
    """One element of ``predictions`` in the scoring API's reply."""

    score: float
    model_version: str
    label: str | None = None
    probabilities: dict[str, float] = {}
    reasons: tuple[Reason, ...] | None = None


class _Predictions(msgspec.Struct, frozen=True):
    predictions: list[_Scored]


class HttpScorer:
    """The port ``Scorer`` through the scoring API at ``url``, by the version of ``detail``."""

    def __init__(
        self, request: Callable[..., httpx.Response], url: httpx.URL, tenant: TenantId, detail: VersionDetail
    ) -> None:
        self._request = request
        self._tenant = tenant
        self._url = str(url.join(f"/predict/{word(detail.version.model)}"))
        self._version = str(detail.version.number)

    def score(self, table: Any, explain: int) -> list[Prediction]:
        """See ``Scorer``."""
        records = table.to_pylist()
        found: list[Prediction] = []
        query = {"version": self._version, **({"explain": str(explain)} if explain else {})}
        for start in range(0, len(records), ROWS_PER_REQUEST):
            content = msgspec.json.encode(records[start : start + ROWS_PER_REQUEST])
            response = self._ask(query, content)
            found += [
                Prediction(
                    label=scored.label,
                    score=scored.score,
                    probabilities=tuple(scored.probabilities.values()),
                    reasons=scored.reasons if explain else None,
                    model_version=scored.model_version,
                )
                for scored in decoded(response, _Predictions).predictions
            ]
        return found

    def _ask(self, query: dict[str, str], content: bytes) -> httpx.Response:
        """Send records. The control API knows this version: a worker that does not, has not looked yet. Where a limit
        refuses them for now, they are sent again when the server says: a file has the time that a caller has not."""
        began = time.monotonic()
        while True:
            try:
                return self._request("POST", self._url, self._tenant, params=query, content=content)
            except NotFound:
                pause, patience = LOOK_AGAIN_SECONDS, PUBLISH_SECONDS
                if time.monotonic() + pause > began + patience:
                    raise
            except (Overloaded, Unavailable) as error:
                told = (error.details or {}).get("retry_after")
                pause, patience = float(told or 0.0), PATIENCE_SECONDS
                if told is None or time.monotonic() + pause > began + patience:
                    raise
            time.sleep(pause)
