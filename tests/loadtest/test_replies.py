"""Replies in any pieces are the same replies; what is none is told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.loadtest.replies import FAULTY, read_reply

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Tenantry-Rule: My Rule\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


@given(st.sampled_from([PLAIN, CHUNKED]), st.data())
def test_a_reply_is_whole_at_its_last_byte_and_not_before(whole: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert read_reply(whole[:cut]) is None
    reply = read_reply(whole)
    assert reply is not None
    assert (reply.status, reply.body, reply.closes) == (200, b"hello", False)


def test_headers_keep_their_case_and_are_found_in_any() -> None:
    reply = read_reply(PLAIN)
    assert reply is not None
    assert reply.header(b"x-tenantry-rule") == b"My Rule"
    assert reply.header(b"x-tenantry-version") == b""


@pytest.mark.parametrize(
    "bytes_",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_reply_is_told_apart(bytes_: bytes) -> None:
    assert read_reply(bytes_) is FAULTY


def test_a_reply_without_a_length_ends_with_its_connection() -> None:
    begun = b"HTTP/1.1 200 OK\r\n\r\nhel"
    assert read_reply(begun) is None
    ended = read_reply(begun, ended=True)
    assert ended is not None
    assert (ended.body, ended.closes) == (b"hel", True)


def test_interim_replies_are_passed_over() -> None:
    reply = read_reply(b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN)
    assert reply is not None
    assert reply.status == 200
    assert read_reply(b"HTTP/1.1 100 Continue\r\n\r\n") is None


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close", b"HTTP/1.0 200 OK"])
def test_a_server_may_close_after_its_reply(head: bytes) -> None:
    reply = read_reply(head + b"\r\nContent-Length: 0\r\n\r\n")
    assert reply is not None
    assert reply.closes


def test_no_content_has_no_body() -> None:
    reply = read_reply(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert reply is not None
    assert reply.body == b""
