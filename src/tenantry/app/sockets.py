"""Sockets that a supervisor holds for its children, and the addresses to tell of them."""

import socket
from collections.abc import Sequence
from contextlib import closing

from tenantry.errors import Unavailable

BACKLOG = 2048


def listening(host: str, port: int) -> socket.socket:
    """A listening socket that children may inherit. Raises ``Unavailable("port_taken")``."""
    opened = _bound(host, port, (socket.SO_REUSEADDR,))
    try:
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise _taken(host, port, error) from error
    return opened


def reserved(host: str, port: int) -> socket.socket:
    """A socket that holds an address for children of this user, which listen at it side by side (SO_REUSEPORT).

    Raises ``Unavailable("port_taken")``, also where another server of this user shares the port in that way: callers
    would be dealt out between the two.
    """
    if port:
        probe(host, port)
    return _bound(host, port, (socket.SO_REUSEPORT,))


def probe(host: str, port: int) -> None:
    """Whether nobody has the port: raises ``Unavailable("port_taken")`` where somebody does."""
    # Closed connections of a server before, which still time out, do not count.
    with closing(_bound(host, port, (socket.SO_REUSEADDR,))) as opened:
        try:
            opened.listen(1)
        except OSError as error:
            raise _taken(host, port, error) from error


def url(opened: socket.socket, scheme: str = "http") -> str:
    """The URL to use from this machine."""
    host, port = opened.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 — read, not bound: the address to use from this machine
        host = "127.0.0.1"
    return f"{scheme}://{_joined(host, port)}"


def address(opened: socket.socket) -> str:
    """The address to use from this machine, as host:port."""
    return url(opened, "at").removeprefix("at://")


def bound_address(opened: socket.socket) -> str:
    """The address that the socket is bound to, as host:port."""
    return _joined(*opened.getsockname()[:2])


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bound(host: str, port: int, options: Sequence[int]) -> socket.socket:
    """A socket with an address of its own. Raises ``Unavailable("port_taken")``."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _taken(host, port, error) from error
    try:
        for option in options:
            opened.setsockopt(socket.SOL_SOCKET, option, 1)
        opened.bind(where)
    except OSError as error:
        opened.close()
        raise _taken(host, port, error) from error
    return opened


def _taken(host: str, port: int, error: OSError) -> Unavailable:
    return Unavailable("port_taken", f"cannot listen on {host}:{port}: {error}")
