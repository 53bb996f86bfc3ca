"""The backend over HTTP: the control API for everything, the scoring API for scores."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tenantry.access import Key, Role, Tenant
from tenantry.api.answers import Exported, KeyCreated, Uploaded, Verified, VersionDetail
from tenantry.api.checking import TableCheck
from tenantry.apps import PredictionDefinition
from tenantry.bundle import Scorecard
from tenantry.cli.backend import Scorer
from tenantry.cli.deploying_http import HttpDeployments
from tenantry.cli.insights import HttpInsights
from tenantry.cli.rollouts import HttpRollouts
from tenantry.cli.scorer_http import HttpScorer
from tenantry.cli.transport import Transport, decoded, error_of, unreachable, word
from tenantry.errors import InvalidData, NotFound, Unavailable
from tenantry.ports.jobs import FINAL_STATES, Job, JobEvent, JobState
from tenantry.registry import Model, Version
from tenantry.tenancy import TenantId
from tenantry.workflows import Retraining

RECONNECT_SECONDS = 0.2
LOOK_SECONDS = 0.3
"""Workers have looked for a new endpoint table within this time, unless the machine is very busy."""


class HttpBackend(HttpDeployments, HttpInsights, HttpRollouts):
    """Commands through a server. ``url`` is the control API's; the scoring API's port is asked for there. ``ca``: a
    file of certificates to trust, beside those that are trusted anyway.
    """

    def __init__(self, url: str, key: str, ca: Path | None = None) -> None:
        self._http = Transport(url, key, ca)

    def close(self) -> None:
        """Close the connections."""
        self._http.client.close()

    # Tenants and keys

    def own_tenant(self) -> TenantId | None:
        """See ``Backend``."""
        return self._http.get("/me", _Caller).tenant

    def tenants(self) -> list[Tenant]:
        """See ``Backend``."""
        return self._http.pages("/tenants", Tenant)

    def create_tenant(self, tenant: TenantId) -> Tenant:
        """See ``Backend``."""
        return self._http.post("/tenants", Tenant, None, {"id": tenant})

    def ensure_tenant(self, tenant: TenantId) -> bool:  # noqa: ARG002 - part of the protocol
        """See ``Backend``: a server makes tenants only when an operator asks for one."""
        return False

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """See ``Backend``."""
        return self._http.pages("/keys", Key, tenant)

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str, expires_in: float | None
    ) -> KeyCreated:
        """See ``Backend``."""
        body = {"role": role, "label": label, "expires_in": expires_in}
        made = self._http.post("/keys", KeyCreated, tenant, body)
        # A key that is shown is good: whoever pastes the next command would meet 401 otherwise.
        time.sleep(LOOK_SECONDS)
        return made

    def revoke_key(self, tenant: TenantId | None, key_id: str) -> Key:
        """See ``Backend``."""
        return decoded(self._http.send("DELETE", f"/keys/{word(key_id)}", tenant), Key)

    # Data, definitions, jobs, schedules

    def upload(
        self, tenant: TenantId, name: str, path: Path, encoding: str | None, delimiter: str | None
    ) -> Uploaded:
        """See ``Backend``: the file is streamed."""
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise NotFound("file_not_found", f"there is no file {path}") from error
        except OSError as error:
            raise InvalidData("file_unreadable", f"{path} cannot be read: {error.strerror}") from error
        with file:
            response = self._http.send(
                "POST",
                f"/datasets/{word(name)}",
                tenant,
                params={"filename": path.name, "encoding": encoding or "", "delimiter": delimiter or ""},
                content=iter(lambda: file.read(1 << 20), b""),
                timeout=httpx.Timeout(3600, connect=5),
            )
        return decoded(response, Uploaded)

    def apply(self, tenant: TenantId, definition: PredictionDefinition) -> PredictionDefinition:
        """See ``Backend``."""
        path = f"/predictions/{word(definition.name)}"
        return self._http.post(path, PredictionDefinition, tenant, definition, method="PUT")

    def definition(self, tenant: TenantId, name: str) -> PredictionDefinition:
        """See ``Backend``."""
        return self._http.get(f"/predictions/{word(name)}", PredictionDefinition, tenant)

    def train(self, tenant: TenantId, name: str, snapshot: str) -> Job:
        """See ``Backend``."""
        return self._http.post(f"/predictions/{word(name)}/train", Job, tenant, {"dataset": snapshot})

    @contextmanager
    def follow(self, tenant: TenantId, job_id: str) -> Iterator[Iterator[JobEvent]]:
        """See ``Backend``: server-sent events. The server's training worker does the work."""
        ended = False

        def events() -> Iterator[JobEvent]:
            nonlocal ended
            yield from self._job_events(tenant, job_id)
            ended = True

        try:
            yield events()
        except KeyboardInterrupt:
            if not ended:
                self.cancel_job(tenant, job_id)
            raise

    def _job_events(self, tenant: TenantId, job_id: str) -> Iterator[JobEvent]:
        url = f"{self._http.url}/api/v1/jobs/{word(job_id)}/events"
        after = 0
        while True:
            try:
                headers = {"X-Tenant": tenant, "Last-Event-ID": str(after)}
                with self._http.client.stream("GET", url, headers=headers) as response:
                    if response.is_error:
                        response.read()
                        raise error_of(response)
                    for line in response.iter_lines():
                        if line.startswith("data:"):
                            event = msgspec.json.decode(line[5:], type=JobEvent)
                            after = event.seq
                            yield event
            except httpx.HTTPError as error:
                raise unreachable(url, error) from error
            # A stream that ends before its job does was cut: go on where it stopped.
            if self.job(tenant, job_id).state in FINAL_STATES:
                return
            time.sleep(RECONNECT_SECONDS)

    def jobs(self, tenant: TenantId, state: JobState | None) -> list[Job]:
        """See ``Backend``."""
        return self._http.pages("/jobs", Job, tenant, **({"state": state} if state else {}))

    def job(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Backend``."""
        return self._http.get(f"/jobs/{word(job_id)}", Job, tenant)

    def cancel_job(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Backend``."""
        return self._http.post(f"/jobs/{word(job_id)}/cancel", Job, tenant)

    def schedules(self, tenant: TenantId) -> list[Retraining]:
        """See ``Backend``."""
        return self._http.pages("/schedules", Retraining, tenant)

    def put_schedule(
        self,
        tenant: TenantId,
        name: str,
        every_seconds: int,
        offset_seconds: int,
        prediction: str | None,
        dataset: str | None,
    ) -> Retraining:
        """See ``Backend``."""
        body = {
            "every_seconds": every_seconds,
            "offset_seconds": offset_seconds,
            "prediction": prediction,
            "dataset": dataset,
        }
        return self._http.post(f"/schedules/{word(name)}", Retraining, tenant, body, method="PUT")

    def remove_schedule(self, tenant: TenantId, name: str) -> None:
        """See ``Backend``."""
        self._http.send("DELETE", f"/schedules/{word(name)}", tenant)

    # Models

    def models(self, tenant: TenantId) -> list[Model]:
        """See ``Backend``."""
        return self._http.pages("/models", Model, tenant)

    def model(self, tenant: TenantId, model: str) -> Model:
        """See ``Backend``."""
        return self._http.get(f"/models/{word(model)}", Model, tenant)

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """See ``Backend``."""
        return self._http.pages(f"/models/{word(model)}/versions", Version, tenant)

    def version(self, tenant: TenantId, model: str, ref: str) -> VersionDetail:
        """See ``Backend``."""
        return self._http.get(_version_path(model, ref), VersionDetail, tenant)

    def scorecard(self, tenant: TenantId, model: str, ref: str) -> Scorecard:
        """See ``Backend``."""
        return self._http.get(f"{_version_path(model, ref)}/scorecard", Scorecard, tenant)

    def check(self, tenant: TenantId, model: str, ref: str, table: Any) -> TableCheck:
        """See ``Backend``."""
        path = f"/models/{word(model)}/versions/{word(ref)}/check"
        return self._http.post(path, TableCheck, tenant, {"records": table.to_pylist()})

    def verify(self, tenant: TenantId, model: str, ref: str) -> Verified:
        """See ``Backend``."""
        return self._http.get(f"{_version_path(model, ref)}/verify", Verified, tenant)

    def promote(self, tenant: TenantId, model: str, alias: str, ref: str) -> Version:
        """See ``Backend``."""
        path = f"/models/{word(model)}/aliases/{word(alias)}"
        return self._http.post(path, Version, tenant, {"version": ref}, method="PUT")

    def rollback(self, tenant: TenantId, model: str, alias: str) -> Version:
        """See ``Backend``."""
        return self._http.post(f"/models/{word(model)}/aliases/{word(alias)}/rollback", Version, tenant)

    def export(self, tenant: TenantId, model: str, ref: str, export_format: str) -> Exported:
        """See ``Backend``."""
        response = self._http.send(
            "GET", f"{_version_path(model, ref)}/export", tenant, params={"format": export_format}
        )
        named = response.headers.get("content-disposition", "").partition('filename="')[2].rstrip('"')
        return Exported(filename=Path(named).name or f"{model}.{export_format}", data=response.content)

    # Scores

    @contextmanager
    def scorer(self, tenant: TenantId, detail: VersionDetail) -> Iterator[Scorer]:
        """Score through the scoring API."""
        yield HttpScorer(self._http.request, self.scoring_url(), tenant, detail)

    def scoring_url(self) -> httpx.URL:
        """The scoring API's address: on the control API's host, on the port that it names."""
        server = self._http.get("", _Server)
        if server.data_port is None:
            raise Unavailable(
                "server_unreachable", "the server's scoring API is not running", hint="Start 'tenantry up'."
            )
        url = httpx.URL(self._http.url).copy_with(port=server.data_port, path="/")
        return url.copy_with(scheme="https") if server.data_tls else url


class _Caller(msgspec.Struct, frozen=True):
    tenant: TenantId | None


class _Server(msgspec.Struct, frozen=True):
    data_port: int | None
    data_tls: bool = False


def _version_path(model: str, ref: str) -> str:
    return f"/models/{word(model)}/versions/{word(ref)}"
