"""A customer's client: plain HTTP with a key, nothing of tenantry's own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tenantry.errors import Unavailable


class Client:
    """Calls one base URL with one key.

    Errors of the server are raised as ``Unavailable("server_refused")`` with its own words; :meth:`status` gives
    the bare status instead.
    """

    def __init__(self, url: str, key: str, tenant: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        if tenant is not None:
            headers["X-Tenant"] = tenant
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """GET, decoded."""
        return self._checked(self._http.get(path))

    def post(self, path: str, body: Any) -> Any:
        """POST JSON, decoded."""
        return self._checked(self._http.post(path, json=body))

    def put(self, path: str, body: Any) -> Any:
        """PUT JSON, decoded."""
        return self._checked(self._http.put(path, json=body))

    def upload(self, path: str, file: Path) -> Any:
        """POST a file as the body, streamed."""
        with file.open("rb") as body:
            return self._checked(self._http.post(path, params={"filename": file.name}, content=body))

    def status(self, path: str, body: Any) -> tuple[int, str]:
        """POST JSON; the status and the body's text, whatever they are."""
        reply = self._http.post(path, json=body)
        return reply.status_code, reply.text

    def events(self, path: str) -> Iterator[dict[str, Any]]:
        """Follow server-sent events until the server ends them."""
        with self._http.stream("GET", path, timeout=httpx.Timeout(30.0, read=120.0)) as reply:
            for line in reply.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    @staticmethod
    def _checked(reply: httpx.Response) -> Any:
        if reply.is_error:
            asked = f"{reply.request.method} {reply.request.url.path}"
            raise Unavailable("server_refused", f"{asked} answered {reply.status_code}: {reply.text[:300]}")
        return reply.json() if reply.content else None
