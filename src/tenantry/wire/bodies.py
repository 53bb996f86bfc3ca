"""The outside of a request body: compression, and where the JSON ends and binary tensors begin."""

import zlib

from tenantry.errors import InvalidRequest

_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's window bits by Content-Encoding; "deflate" means the zlib structure (RFC 9110, 8.4.1.2)."""


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding; at most ``limit`` bytes are ever produced.

    Raises ``InvalidRequest`` with ``body_encoding`` (unknown encoding, broken or cut stream) or
    ``body_too_large``.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    window = _WINDOW.get(encoding)
    if window is None:
        raise InvalidRequest("body_encoding", f"the Content-Encoding {encoding[:40]!r} is not known")
    reader = zlib.decompressobj(window)
    try:
        data = reader.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidRequest("body_encoding", f"the body is not {encoding}: {error}") from error
    if len(data) > limit:
        raise InvalidRequest("body_too_large", f"the body is over {limit:,} bytes when decompressed")
    if not reader.eof:
        raise InvalidRequest("body_encoding", f"the {encoding} body ends too soon")
    return data


def split_body(body: bytes, header_length: bytes | None) -> tuple[bytes | memoryview, memoryview]:
    """The JSON part and the binary part of an inference request.

    ``header_length`` is the value of ``Inference-Header-Content-Length``; None means that the body is all
    JSON. Raises ``InvalidRequest("header_value")``.
    """
    if header_length is None:
        return body, memoryview(b"")
    text = header_length.strip()
    if not text.isdigit() or len(text) > 12 or int(text) > len(body):
        shown = text[:20].decode("latin-1")
        raise InvalidRequest(
            "header_value",
            f"Inference-Header-Content-Length is {shown!r}; the body has {len(body)} bytes",
        )
    whole = memoryview(body)
    size = int(text)
    return whole[:size], whole[size:]
