"""Seeded streams of HTTP requests: good ones, odd ones, broken ones, and how they are cut into pieces."""

import random

METHODS = [
    "GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "PROPFIND", "M-SEARCH",
    "get", "BREW",
]  # fmt: skip
TARGETS = [
    "/predict/churn", "/predict/churn?explain=2", "/v2/health/live", "/a%20b/%C3%A9", "/a%2Fb?x=%20",
    "/%zz", "/%", "/", "//a//b", "/a#fragment", "/a?b?c", "http://host/absolute?q=1", "http://host", "*",
    "a", "/\xff", "/%ff", "/a;b=c", "?x", "/a b", "", "host:443", "/" + "y" * 300,
]  # fmt: skip
HEADERS = [
    "Host: x", "host: x", "Content-Type: application/json", "X-Thing:tight", "X-Thing:   wide  \t",
    "X-THING: upper", "Accept: */*", "X-Latin: \xe9", "X-Empty:", "X-Steps: 3", "X-Steps: 1",
    "X-Status: 404", "Authorization: Bearer a", "Authorization: Bearer b", "X-Tab: a\tb",
    "X-Long: " + "z" * 500, "Cookie: a=b", "X_under: 1", "X.dot!#$%&'*+-^`|~: 1",
]  # fmt: skip
ODD_HEADERS = [
    "X-Space : 1", " X-Fold: 1", "X-Nul: a\0b", "X-Cr: a\rb", "X-Bell: a\x07b", "NoColon", ": empty",
    "Content-Length: 5", "Content-Length: -1", "Content-Length: +5", "Content-Length: 5, 5",
    "Content-Length: 0x5", "Content-Length:", "X-Del: \x7f", "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Bad\xffName: 1",
    "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding:\x0bchunked", "(): 1", "Transfer-Encoding: xchunked", "Content-Length : 3",
    "Expect: 100-continue", "Expect: something", "Keep-Alive: 5", "Connection: close, x",
    "Connection: keep-alive", "Connection: Close", "Proxy-Connection: close", "X-Refuse: 1", "X-Close: 1",
    "Trailer: X-T", "TE: trailers",
]  # fmt: skip
TOKENS = [
    b"\n", b"\r", b"\0", b"\r\n", b"\n\n", b"\r\n\r\n", b" ", b"\t", b":", b"0\r\n\r\n", b"\xff",
    b"HTTP/1.1", b"\r\n ", b";",
]  # fmt: skip
VERSIONS = (
    ["HTTP/1.1"] * 12
    + ["HTTP/1.0"] * 3
    + ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/1.1 ", "http/1.1", "HTTP/11", ""]
)


def request(random: random.Random) -> bytes:
    """One request, mostly a good one."""
    odd = random.random() < 0.25
    method = random.choice(METHODS[:9]) if not odd else random.choice(METHODS)
    target = random.choice(TARGETS[:13]) if not odd else random.choice(TARGETS)
    version = random.choice(VERSIONS[:15]) if not odd else random.choice(VERSIONS)
    headers = random.sample(HEADERS, random.randint(1, 6))
    if odd:
        headers += random.sample(ODD_HEADERS, random.randint(0, 2))
    body = b""
    shape = random.random()
    if shape < 0.45:
        body = random.randbytes(random.choice([0, 1, 5, 60, 500, 3000, 9000]))
        headers.append(f"Content-Length: {len(body)}")
    elif shape < 0.65:
        body = chunks(random)
        headers.append(random.choice(["Transfer-Encoding: chunked", "transfer-encoding: Chunked"]))
    if random.random() < 0.15:
        headers.append(
            random.choice(
                ["Connection: close", "Connection: keep-alive", "Expect: 100-continue", "X-Refuse: 1"]
            )
        )
    random.shuffle(headers)
    head = "\r\n".join([f"{method} {target} {version}", *headers, "", ""])
    return head.encode("latin-1") + body


def plain(random: random.Random) -> bytes:
    """One of a few requests, as they come again and again."""
    size = random.choice([0, 3, 300, 6000])
    head = f"POST /again HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
    return random.choice([b"GET /again HTTP/1.1\r\nHost: x\r\n\r\n", head.encode() + random.randbytes(size)])


def chunks(random: random.Random) -> bytes:
    """A body in chunks, sometimes with extensions and trailers, sometimes broken."""
    out = b""
    for _ in range(random.randint(0, 5)):
        data = random.randbytes(random.choice([1, 2, 10, 300, 5000]))
        size = b"%x" % len(data)
        if random.random() < 0.2:
            size = random.choice([b"0" + size, size.upper(), size + b";ext=1", size + b';q="x"', size + b" "])
        out += size + b"\r\n" + data + b"\r\n"
    if random.random() < 0.1:
        return out + random.choice(
            [b"x\r\n", b"-1\r\n", b"\r\n", b"ffffffffffffffffff\r\n", b"0x5\r\nabcde\r\n", b"5\nabcde\r\n"]
        )
    trailers = random.choice([b"", b"", b"", b"X-T: 1\r\n", b"Authorization: Bearer evil\r\n"])
    return out + b"0\r\n" + trailers + b"\r\n"


def mutated(random: random.Random, data: bytes) -> bytes:
    """The same with a few bytes changed, taken out, doubled or put in."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(changed) + 1)
        how = random.random()
        if how < 0.3 and at < len(changed):
            changed[at] = random.randrange(256)
        elif how < 0.5:
            del changed[at : at + random.randint(1, 4)]
        elif how < 0.9:
            changed[at:at] = random.choice(TOKENS)
        else:
            changed[at:at] = changed[at : at + random.randint(1, 40)]
    return bytes(changed)


def pieces(random: random.Random, data: bytes) -> list[bytes]:
    """The same bytes as one piece, as a few, or one by one."""
    how = random.random()
    if how < 0.35 or len(data) < 2:
        return [data]
    if how < 0.9:
        cuts = sorted(random.sample(range(1, len(data)), min(len(data) - 1, random.randint(1, 6))))
    else:
        cuts = list(range(1, min(len(data), 50)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def stream(seed: int) -> list[bytes]:
    """The pieces of one connection's bytes."""
    rng = random.Random(seed)
    data = b"".join(request(rng) for _ in range(rng.choice([1, 1, 2, 3, 5])))
    if rng.random() < 0.25:
        # Heads that came before take another way through the edge.
        again = plain(rng)
        data = again * rng.randint(2, 4) + data + again
    if rng.random() < 0.3:
        data = mutated(rng, data)
    if rng.random() < 0.1:
        data = data[: rng.randrange(len(data) + 1)]
    return pieces(rng, data)
