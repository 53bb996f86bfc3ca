"""TLS on the own edge, with certificates made on the spot."""

import asyncio
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import self_signed
from tests.serving.http.edges import answers, call, own_edge
from tests.serving.http.test_requests import GET, post

from tenantry.errors import TenantryError
from tenantry.serving.http import Bounds
from tenantry.serving.tls import Certificate

Run = Callable[..., Any]


def make(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    return self_signed(folder, f"DNS:{name}")


def trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_requests_over_tls(run: Run, tmp_path: Path) -> None:
    certificate, key = make(tmp_path, "one.test")

    async def scenario() -> None:
        async with own_edge(
            bounds=Bounds(linger_seconds=0.2, tick_seconds=0.02), certificate=Certificate(certificate, key)
        ) as edge:
            options = {"ssl": trusting(certificate), "server_hostname": "one.test"}
            async with call(edge.port, **options) as caller:
                secured = caller.writer.get_extra_info("ssl_object")
                assert secured.selected_alpn_protocol() == "http/1.1"
                assert secured.version() == "TLSv1.3"
                for _ in range(3):
                    await caller.send(post(b"x" * 100_000) + GET)
                    assert (await caller.answer()).json["length"] == 100_000
                    assert (await caller.answer()).json["path"] == "/a"
                await caller.send(post(b"", "X-Bytes: 5000000"))
                assert len((await caller.answer()).body) == 5_000_000
                await caller.send(b"rubbish\r\n\r\n")
                assert answers(await caller.rest())[0].status == 400
            # Who speaks no TLS gets none, and harms nobody.
            async with call(edge.port) as caller:
                await caller.send(GET)
                assert b"HTTP" not in await caller.rest()
            async with call(edge.port, **options) as caller:
                await caller.send(GET)
                assert (await caller.answer()).status == 200

    run(scenario())


def test_old_protocols_are_refused(run: Run, tmp_path: Path) -> None:
    certificate, key = make(tmp_path, "one.test")

    async def scenario() -> None:
        async with own_edge(certificate=Certificate(certificate, key)) as edge:
            old = trusting(certificate)
            old.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.warns(DeprecationWarning, match="deprecated"):
                old.minimum_version = ssl.TLSVersion.TLSv1
            with pytest.warns(DeprecationWarning, match="deprecated"):
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            options = {"ssl": old, "server_hostname": "one.test"}
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", edge.port, **options)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            async with call(edge.port, **options) as caller:
                await caller.send(GET)
                assert (await caller.answer()).status == 200

    run(scenario())


def test_a_new_certificate_is_taken_and_a_broken_one_is_not(run: Run, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    certificate, key = make(old, "old.test")
    files = make(new, "new.test")
    known = trusting(certificate)
    known.load_verify_locations(files[0])

    async def scenario() -> None:
        served = Certificate(certificate, key)
        async with own_edge(certificate=served) as edge:

            async def greets(name: str) -> None:
                async with call(edge.port, ssl=known, server_hostname=name) as caller:
                    await caller.send(GET)
                    assert (await caller.answer()).status == 200

            await greets("old.test")
            assert not served.look()
            async with call(edge.port, ssl=known, server_hostname="old.test") as before:
                files[0].replace(certificate)  # half of the change: the key is still the old one
                assert not served.look()
                await greets("old.test")
                files[1].replace(key)
                assert served.look()
                await greets("new.test")
                await before.send(GET)
                assert (await before.answer()).status == 200
            certificate.write_text("rubbish")
            assert not served.look()
            certificate.unlink()
            assert not served.look()
            await greets("new.test")

    run(scenario())


def test_files_that_cannot_be_used_say_so(tmp_path: Path) -> None:
    certificate, key = make(tmp_path, "one.test")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked],
        check=True,
        capture_output=True,
    )
    (tmp_path / "empty").touch()
    (tmp_path / "both").write_bytes(certificate.read_bytes() + key.read_bytes())
    assert Certificate(tmp_path / "both").context
    for pair in (
        (tmp_path / "none", key),
        (certificate, tmp_path / "none"),
        (key, certificate),
        (certificate, locked),
        (tmp_path / "empty", key),
    ):
        with pytest.raises(TenantryError) as caught:
            Certificate(*pair)
        assert caught.value.code == "tls_certificate"
        assert caught.value.hint
