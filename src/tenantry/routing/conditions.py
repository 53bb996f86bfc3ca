"""The conditions of rules on a request, as one look-up."""

from collections.abc import Sequence

from tenantry.routing.draw import as_bytes
from tenantry.routing.entries import Target
from tenantry.routing.outcome import KEPT, Headers, Outcome, Parameters
from tenantry.routing.steps import Step

Fulfilled = frozenset[tuple[int, int]]
"""Conditions, each as (place of the step, place within the step)."""
Numbers = dict[bytes | str | None, int]


class Conditions:
    """The headers and parameters that rules ask for, and which rules hold for their values."""

    __slots__ = ("_default", "_headers", "_outcomes", "_parameters", "_steps", "_tells")

    def __init__(self, steps: Sequence[Step], default: Target | None) -> None:
        self._steps = steps
        self._default = default
        self._outcomes: dict[tuple[int, ...], Outcome] = {}
        dimensions: dict[tuple[bool, str], dict[bytes | str, set[tuple[int, int]]]] = {}
        for index, step in enumerate(steps):
            for place, (header, name, values) in enumerate(step.conditions):
                known = dimensions.setdefault((header, name), {})
                for value in values:
                    known.setdefault(value, set()).add((index, place))
        # _tells[dimension][number]: what values with this number fulfil. Headers first, as in a signature.
        self._tells: list[list[Fulfilled]] = []
        self._headers = [
            (as_bytes(name), self._numbered(known)) for (header, name), known in dimensions.items() if header
        ]
        self._parameters = [
            (name, self._numbered(known)) for (header, name), known in dimensions.items() if not header
        ]

    def _numbered(self, known: dict[bytes | str, set[tuple[int, int]]]) -> Numbers:
        """Values → small numbers, alike for values that no rule tells apart; 0 is every other value, and none."""
        tells: dict[Fulfilled, int] = {frozenset(): 0}
        numbers: Numbers = {
            value: tells.setdefault(frozenset(fulfilled), len(tells)) for value, fulfilled in known.items()
        }
        self._tells.append(list(tells))
        return numbers

    def outcome(self, headers: Headers, parameters: Parameters) -> Outcome:
        """What requests with these headers and parameters come to."""
        # What is missing is looked up as None, which no rule names.
        signature = [numbers.get(headers.get(name), 0) for name, numbers in self._headers]
        if self._parameters:
            signature += [numbers.get(parameters.get(name), 0) for name, numbers in self._parameters]
        key = tuple(signature)
        try:
            return self._outcomes[key]
        except KeyError:
            outcome = self._made(key)
            if len(self._outcomes) >= KEPT:
                self._outcomes.clear()
            self._outcomes[key] = outcome
            return outcome

    def _made(self, signature: tuple[int, ...]) -> Outcome:
        fulfilled: set[tuple[int, int]] = set()
        for tells, number in zip(self._tells, signature, strict=True):
            fulfilled |= tells[number]
        holding = [
            step
            for index, step in enumerate(self._steps)
            if all((index, place) in fulfilled for place in range(len(step.conditions)))
        ]
        return Outcome(holding, self._default)
