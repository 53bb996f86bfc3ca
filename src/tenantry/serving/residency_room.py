"""How much memory there is for models, who may have how much of it, and who must go for whom."""

from collections.abc import Iterator, Mapping

from tenantry.routing import EndpointTable, VersionRef
from tenantry.serving.eviction import Gone, Guard, Key, Ranking, worth
from tenantry.serving.models import Model

WARM_SHARE = 0.9
"""Warming leaves the rest of the budget to what is asked for first."""
MOST_MODELS = 60_000
"""Each open plan is a memory map, and Linux grants a process 65,530 of them (vm.max_map_count)."""

Victim = tuple[Model, str]
"""A model that has to go, and why: what the whole worker holds stands in brackets, at the end."""


class Room:
    """Decides; the residency acts. ``held``: bytes of all models in ``resident``."""

    def __init__(self, budget: int, resident: Mapping[Key, Model], ranking: Ranking, guard: Guard) -> None:
        self.budget = budget
        self.held = 0
        self.table: EndpointTable | None = None
        self.pins: frozenset[Key] = frozenset()
        self._by_hand: frozenset[Key] = frozenset()
        self._by_table: frozenset[Key] = frozenset()
        self._resident = resident
        self._ranking = ranking
        self._guard = guard

    def pin(
        self, *, by_hand: frozenset[Key] | None = None, by_table: frozenset[Key] | None = None
    ) -> frozenset[Key]:
        """The models that are never to be evicted, by either source. Returns those that were not pinned before."""
        before = self.pins
        self._by_hand = self._by_hand if by_hand is None else by_hand
        self._by_table = self._by_table if by_table is None else by_table
        self.pins = self._by_hand | self._by_table
        return self.pins - before

    def fits_warm(self, model: Model) -> bool:
        """Whether a model that nobody asked for yet has room without pushing another out."""
        return self.held + model.nbytes <= WARM_SHARE * self.budget and len(self._resident) < MOST_MODELS

    def steps(self, model: Model, before: Gone | None, now: float) -> Iterator[Victim | str]:
        """The models to push out one after the other, each after the last has gone, until ``model`` fits; or, as the
        last step, why it is not to be kept.
        """
        key = (model.tenant, model.sha256)
        if model.nbytes > self.budget:
            yield f"budget: its {model.nbytes:,} bytes are more than all models may take [{self.budget:,}]"
            return
        for name, share, members in self._limits(model):
            what = f"{name}: memory_share {share:g}"
            yield from self._within(model, before, what, int(share * self.budget), members, now)
        full = False
        while (over := self.held + model.nbytes - self.budget) > 0 or len(self._resident) >= MOST_MODELS:
            if not full:
                full = True
                self._guard.pushed(before)
            victim = self._ranking.lowest(self._resident, self.pins)
            what = "budget: memory is full" if over > 0 else "count: as many models are open as may be"
            whole = f"[{f'{_kilobytes(over)}, ' if over > 0 else ''}{len(self._resident):,} models]"
            if victim is None:
                yield f"{what}, and each model in it is pinned or in use {whole}"
                return
            if key not in self.pins and self._guard.refuses(before, victim, now):
                yield self._cycling(before, victim, now)
                return
            yield victim, f"{what}; lowest value of all: {_described(victim, now)} {whole}"

    def _within(
        self, model: Model, before: Gone | None, what: str, most: int, members: list[Key], now: float
    ) -> Iterator[Victim | str]:
        """The same within a tenant's or a deployment's share: its own models go first."""
        key = (model.tenant, model.sha256)
        if model.nbytes > most:
            if key not in self.pins:
                yield f"{what}: its {model.nbytes:,} bytes are more than the share of {most:,}"
            return
        full = False
        held = sum(self._resident[member].nbytes for member in members)
        while (over := held + model.nbytes - most) > 0:
            if not full:
                full = True
                self._guard.pushed(before)
            free = [m for m in members if m not in self.pins and not self._resident[m].leases]
            if not free:
                if key not in self.pins:
                    yield f"{what}; each of its {len(members):,} models in memory is pinned or in use"
                return
            victim = min((self._resident[member] for member in free), key=worth)
            if key not in self.pins and self._guard.refuses(before, victim, now):
                yield self._cycling(before, victim, now)
                return
            why = f"{what}: {_kilobytes(over)}; lowest value of its {len(members):,} models: {_described(victim, now)}"
            members.remove((victim.tenant, victim.sha256))
            held -= victim.nbytes
            yield victim, why

    def _limits(self, model: Model) -> Iterator[tuple[str, float, list[Key]]]:
        """The shares that bind a model: what sets each, its size, and which models in memory count towards it."""
        table = self.table
        if table is None:
            return
        endpoints = table.endpoints.get(model.tenant, {})
        entry = table.tenants.get(model.tenant)
        if entry is not None and entry.quota.memory_share < 1:
            refs = [ref for endpoint in endpoints.values() for ref in endpoint.versions.values()]
            yield f"tenant {model.tenant}", entry.quota.memory_share, self._members(model, refs)
        for name, endpoint in endpoints.items():
            policy = table.policies.get(endpoint.policy)
            refs = list(endpoint.versions.values())
            if (
                policy is not None
                and policy.memory_share < 1
                and any(ref.sha256 == model.sha256 for ref in refs)
            ):
                yield f"deployment {name}", policy.memory_share, self._members(model, refs)

    def _members(self, model: Model, refs: list[VersionRef]) -> list[Key]:
        keys = {(model.tenant, ref.sha256) for ref in refs}
        return [key for key in keys if key in self._resident]

    def _cycling(self, before: Gone | None, victim: Model, now: float) -> str:
        # As if it had gone in and straight out: otherwise what was often used once would never get old.
        self._ranking.went(victim)
        back, seen = self._guard.returns
        away = 0.0 if before is None else now - before.used
        return (
            f"thrash: it was last used {_ago(away)} ago, before the model that it would push out "
            f"[{_ago(now - victim.used)} ago; {back} of the last {seen} arrivals had been pushed out before]"
        )


def _kilobytes(over: int) -> str:
    return f"{max(1, over // 1024):,} KB over"


def _described(model: Model, now: float) -> str:
    uses = "1 use" if model.uses == 1 else f"{model.uses:,} uses"
    return f"last used {_ago(now - model.used)} ago, {uses}, {model.seconds * 1e6:,.0f} µs to reload"


def _ago(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{max(0.0, seconds):.1f} s"
