"""TLS for the data port: a context from a certificate and its key, taken anew when the files change.

Only TLS 1.2 and 1.3, with the ciphers that OpenSSL's own defaults allow; no compression, no renegotiation. HTTP/1.1
is what is offered to clients that ask (ALPN).
"""

import ssl
from pathlib import Path

from tenantry.errors import InvalidRequest, TenantryError
from tenantry.telemetry import get_logger

_log = get_logger("tls")
_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate chain and its private key, both in PEM files. ``context`` stays the same object: connections made
    after :meth:`look` has taken a new certificate get the new one, those before it keep theirs.

    Without a ``key`` it is in the certificate's file. Raises ``InvalidRequest("tls_certificate")`` where the files
    cannot be used.
    """

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        self._certificate = certificate
        self._key = key or certificate
        self._stamp = self._stamps()
        self.context = _context()
        self._load(self.context)

    def look(self) -> bool:
        """Take the files anew where they have changed; returns whether a new certificate is served now.

        Files that cannot be used, as they are while one of the two is being replaced, change nothing and are logged.
        """
        try:
            stamp = self._stamps()
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            # First into a context of its own: one that fails half way must not serve the old chain with the new key.
            self._load(_context())
            self._load(self.context)
        except TenantryError as error:
            _log.error("certificate kept", code=error.code, reason=error.message)
            return False
        _log.info("certificate taken", path=str(self._certificate))
        return True

    def _stamps(self) -> _Stamp:
        try:
            stats = [path.stat() for path in (self._certificate, self._key)]
        except OSError as error:
            raise _unusable(error) from error
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            # A key that asks for a password would wait for a terminal; an empty password refuses it instead.
            context.load_cert_chain(self._certificate, self._key, password="")
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise _unusable(error) from error


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _unusable(error: Exception) -> TenantryError:
    return InvalidRequest("tls_certificate", f"the TLS certificate or its key cannot be used: {error}")
