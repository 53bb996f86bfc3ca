"""Compression and the seam between JSON and binary tensors."""

import gzip
import zlib

import pytest

from tenantry.errors import InvalidRequest
from tenantry.wire import inflate, split_body


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_plain_body_stays_as_it_is(encoding: str) -> None:
    assert inflate(b"abc", encoding, 2) == b"abc"


def test_gzip_and_deflate_are_undone() -> None:
    assert inflate(gzip.compress(b"abc" * 100), "gzip", 1000) == b"abc" * 100
    assert inflate(zlib.compress(b"abc" * 100), "deflate", 1000) == b"abc" * 100


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (b"x", "br", "body_encoding"),
        (b"not gzip", "gzip", "body_encoding"),
        (gzip.compress(b"abc" * 100, mtime=0)[:-9], "gzip", "body_encoding"),
        (gzip.compress(bytes(10_000_000), mtime=0), "gzip", "body_too_large"),
        (zlib.compress(bytes(1001)), "deflate", "body_too_large"),
    ],
)
def test_a_bad_body_is_named(body: bytes, encoding: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        inflate(body, encoding, 1000)
    assert caught.value.code == code


def test_without_the_header_all_is_json() -> None:
    head, tail = split_body(b"{}", None)
    assert (bytes(head), bytes(tail)) == (b"{}", b"")


def test_the_header_splits_the_body() -> None:
    head, tail = split_body(b"{}\x01\x02", b"2")
    assert (bytes(head), bytes(tail)) == (b"{}", b"\x01\x02")


@pytest.mark.parametrize("length", [b"", b"-1", b"5", b"two", b"1e1", b"9" * 30])
def test_a_bad_header_length_is_refused(length: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        split_body(b"{}\x01\x02", length)
    assert caught.value.code == "header_value"
