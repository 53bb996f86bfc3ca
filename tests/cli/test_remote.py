"""Scoring a file through a server that has limits."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pyarrow as pa
import pytest
from tests.certificates import self_signed

from tenantry.cli.load import aim
from tenantry.cli.scorer_http import PATIENCE_SECONDS, HttpScorer
from tenantry.cli.session import Session
from tenantry.cli.transport import Transport
from tenantry.errors import Overloaded, Unauthenticated, Unavailable
from tenantry.settings import load_settings
from tenantry.tenancy import TenantId


class Limited(ThreadingHTTPServer):
    """Refuses the first requests of a server, each with a time to come back after."""

    def __init__(self, refusals: list[tuple[int, float]]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.refusals = refusals
        self.asked: list[float] = []


class Answers(BaseHTTPRequestHandler):
    server: Limited

    def do_GET(self) -> None:
        self.answer(200, {"data_port": 8080, "data_tls": True})

    def do_POST(self) -> None:
        records = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(time.monotonic())
        status = 200
        body: Any = {"predictions": [{"score": 0.5, "model_version": "1"} for _ in records]}
        if self.server.refusals:
            status, wait = self.server.refusals.pop(0)
            body = {
                "error": "used up",
                "code": "rate_limited",
                "hint": "wait",
                "details": {"retry_after": wait},
            }
        self.answer(status, body)

    def answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def limited() -> Iterator[Limited]:
    server = Limited([])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def scorer(server: Limited) -> HttpScorer:
    url = f"http://127.0.0.1:{server.server_port}"
    detail: Any = SimpleNamespace(version=SimpleNamespace(model="churn", number=1))
    return HttpScorer(Transport(url, "tnk_x").request, httpx.URL(url), TenantId("acme"), detail)


def test_a_file_that_a_rate_refuses_is_sent_again_when_the_server_says(limited: Limited) -> None:
    limited.refusals = [(429, 0.1), (503, 0.2)]
    assert len(scorer(limited).score(pa.table({"tenure": [1, 2]}), 0)) == 2
    first, second, third = limited.asked
    assert second - first >= 0.1
    assert third - second >= 0.2


def test_a_wait_beyond_all_patience_is_an_error_at_once(limited: Limited) -> None:
    limited.refusals = [(429, PATIENCE_SECONDS + 1)]
    with pytest.raises(Overloaded, match="used up"):
        scorer(limited).score(pa.table({"tenure": [1]}), 0)
    assert len(limited.asked) == 1


def test_a_load_test_trusts_the_named_servers_certificate_where_it_was_told_to(
    limited: Limited, tmp_path: Path
) -> None:
    chain, key = self_signed(tmp_path, "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    limited.socket = context.wrap_socket(limited.socket, server_side=True)
    named = {"home": str(tmp_path), "server": f"https://127.0.0.1:{limited.server_port}"}
    session = Session(load_settings({}, overrides=named), json=True)
    with pytest.raises(Unavailable):
        aim(session, None, None, None, None)
    with pytest.raises(Unauthenticated):  # it knows by now whom to ask, and has no key
        aim(session, None, None, None, str(chain))
