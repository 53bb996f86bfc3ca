"""Models on their way out of a worker's memory: no more in the books, but somebody may still hold them."""

from collections.abc import Callable, Iterator
from weakref import ref as weak

from tenantry.serving.eviction import Key
from tenantry.serving.models import Model
from tenantry.serving.ports import Runtime

MANY = 64
"""More than these are looked through at once for what nobody holds any more."""


class Leaving:
    """Held weakly: a model is gone with its last reference, and its memory is given back at the next :meth:`trim`."""

    def __init__(self) -> None:
        self._held: dict[Key, weak[Model]] = {}
        self._untrimmed: set[Runtime] = set()

    def add(self, key: Key, model: Model) -> None:
        """It has left the books."""
        self._held[key] = weak(model)
        self._untrimmed.add(model.runtime)
        if len(self._held) > MANY:
            self.tidy()

    def returned(self, key: Key) -> None:
        """It, or another copy of it, is in the books again."""
        self._held.pop(key, None)

    def find(self, key: Key) -> Model | None:
        """A model that is still held."""
        held = self._held.get(key)
        return None if held is None else held()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Model]:
        for held in self._held.values():
            model = held()
            if model is not None:
                yield model

    def tidy(self) -> None:
        """Forget those that nobody holds any more."""
        for key in [key for key, held in self._held.items() if held() is None]:
            del self._held[key]

    def trim(self, run: Callable[[Callable[[], None]], object]) -> None:
        """Let the runtimes of what left give memory back, each once; ``run`` does it."""
        while self._untrimmed:
            run(self._untrimmed.pop().trim)
