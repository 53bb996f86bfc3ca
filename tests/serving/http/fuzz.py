"""Both edges, the same streams."""

import asyncio
from collections import Counter

from tests.serving.http.agree import Seen, differ, play
from tests.serving.http.edges import own_edge, uvicorn_edge
from tests.serving.http.streams import stream

ABREAST = 32


async def compare(seeds: range) -> tuple[list[tuple[int, str, Seen, Seen]], Counter[str]]:
    """The seeds at which the edges differ in a way that is not allowed, and what was seen.

    A stream that seems to differ is played again alone, with time to spare: the machine may have been slow.
    """
    wrong: list[tuple[int, str, Seen, Seen]] = []
    told: Counter[str] = Counter()
    places = asyncio.Semaphore(ABREAST)
    async with own_edge() as own, uvicorn_edge() as other:

        async def one(seed: int) -> None:
            pieces = stream(seed)
            async with places:
                a, b = await asyncio.gather(play(own.port, pieces), play(other.port, pieces))
            if differ(a, b):
                again = [play(edge.port, pieces, turns=200, pause=0.2) for edge in (own, other)]
                a, b = await asyncio.gather(*again)
            reason = differ(a, b)
            if reason:
                wrong.append((seed, reason, a, b))
            told["alike" if a[:2] == b[:2] else "allowed"] += 1
            told["closed" if a.closed else "open"] += 1
            told.update(str(status) for status, _, _ in a.answers)

        await asyncio.gather(*(one(seed) for seed in seeds))
    return wrong, told
