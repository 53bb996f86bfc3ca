"""Which models are in a worker's memory: loaded when asked for, leased while in use, let go by worth (B13, C3).

One thread, the event loop's, keeps the books; no lock is taken. The loader's thread only reads files and opens models;
what it has done it puts into a queue, and the books take it up (:meth:`Residency.settle`) before they are next read.

A model is given back to the system when its last reference goes. To evict one is to drop the reference held here: a
request that still scores with it keeps it, and it is shown as UNLOADING until that request ends. So nothing is ever
unmapped under a request, whatever the request does about leases; a lease says more, namely that the model is in use
and not to be evicted at all.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path

from tenantry.routing import EndpointTable, VersionRef
from tenantry.serving.eviction import EvictionLog, Gone, Guard, Key, Ranking, What
from tenantry.serving.models import Model
from tenantry.serving.ports import Runtime
from tenantry.serving.residency_leaving import Leaving
from tenantry.serving.residency_loads import Loads, done, let_go
from tenantry.serving.residency_room import Room
from tenantry.serving.residency_states import ModelState, ResidencyCounts, loading_state, state_of
from tenantry.serving.residency_survey import Surveys
from tenantry.serving.residency_warm import Warmer
from tenantry.tenancy import TenantId

FORGOTTEN_AT_ONCE = 1_000
"""How many models a change of the table lets go of in one step of the event loop (about 10 ms)."""
SAVE_SECONDS = 30.0
"""How often the recency file is written."""


class Residency:
    """The models of one worker.

    ``home``: the folder that a version's path is relative to. ``runtimes`` by the names that versions give.
    ``budget_bytes``: what the models may take together. ``loader``: one thread. ``now``: monotonic seconds.
    ``recency``: where the worker writes down which models it used, to load them again after a restart; None: nowhere.
    """

    def __init__(
        self,
        home: Path,
        runtimes: Mapping[str, Runtime],
        budget_bytes: int,
        loader: Executor,
        log: EvictionLog | None = None,
        now: Callable[[], float] = time.monotonic,
        *,
        recency: Path | None = None,
    ) -> None:
        self._now = now
        self.log = EvictionLog() if log is None else log
        self._resident: dict[Key, Model] = {}
        self._ranking = Ranking()
        self._guard = Guard()
        self._room = Room(budget_bytes, self._resident, self._ranking, self._guard)
        self._leaving = Leaving()
        self._loads = Loads(home, runtimes, loader, now, adopt=partial(self._adopt, wanted=True))
        self._warmer = Warmer(recency, self._loads, arrived=self._adopt_warm, resident=self._resident)
        self._loads.ready = self._warmer.given
        self._surveys = Surveys(self._loads, self._surveyed)
        self._saved = now()
        self._loaded = self._evictions = self._not_kept = 0
        self._load_seconds = 0.0

    # --- the hot path ---

    def find(self, tenant: TenantId, ref: VersionRef) -> Model | None:
        """The model if it is in memory; this counts as a use."""
        model = self._resident.get((tenant, ref.sha256))
        if model is None:
            return self._missed((tenant, ref.sha256))
        model.uses += 1
        model.used = self._now()
        model.floor = self._ranking.floor
        return model

    def lease(self, model: Model) -> Model:
        """Not to be evicted until it is released as often as it was leased. ``with residency.lease(model):`` does."""
        model.leases += 1
        return model

    def release(self, model: Model) -> None:
        """End a lease."""
        model.leases -= 1

    # --- loading ---

    def load(self, tenant: TenantId, ref: VersionRef) -> Future[Model]:
        """The model, read in the loader's thread unless it is there; all who wait for it wait for one read.

        The future fails with ``Unavailable("model_unavailable")``, ``Corrupt("plan_corrupt")`` or ``Unsupported``, at
        once where the file failed a short while ago. It cannot be cancelled.
        """
        key = (tenant, ref.sha256)
        model = self._missed(key)
        return self._loads.start(key, ref) if model is None else done(model)

    # --- the books ---

    def settle(self) -> None:
        """Take up what the loader has done since."""
        self._loads.settle()

    def tick(self, now: float | None = None) -> None:
        """To be called about once a second: settles, gives freed memory back once for all the models that went since,
        and now and then writes the recency file.
        """
        self.settle()
        self._forget()
        self._leaving.tidy()
        self._leaving.trim(self._loads.run)
        now = self._now() if now is None else now
        if self._warmer.path is not None and now - self._saved >= SAVE_SECONDS:
            self._saved = now
            self.save_recency()

    def save_recency(self) -> Future[None]:
        """Write down, in the loader's thread, which models are worth loading after a restart."""
        return self._loads.run(self._warmer.save, list(self._resident.values()))

    def _missed(self, key: Key) -> Model | None:
        """A model that has just come, or is on its way out and still held."""
        self._loads.settle()
        model = self._resident.get(key)
        if model is None:
            model = self._leaving.find(key)
        if model is not None:
            model.uses += 1
            model.used = self._now()
            model.floor = self._ranking.floor
        return model

    def _adopt_warm(self, key: Key, model: Model) -> None:
        """A pinned one may push others out, as one that is asked for may."""
        self._adopt(key, model, wanted=key in self._room.pins)

    def _adopt(self, key: Key, model: Model, *, wanted: bool) -> None:
        """Take a model that the loader opened into the books; one that is only warm pushes none out."""
        if key in self._resident:
            return
        now = self._now()
        self._loaded += 1
        self._load_seconds += model.seconds
        self._loads.failures.forget(key)
        before = self._guard.arrived(key)
        model.loads = 1 if before is None else before.loads + 1
        model.used = now
        if not wanted:
            if self._room.fits_warm(model):
                self._keep(key, model)
            else:
                self._warmer.stop()
            return
        model.uses = 1
        why = self._make_room(model, before, now)
        if why:
            self._not_kept += 1
            self._leave("not_kept", model, why, now)
        else:
            self._keep(key, model)

    def _keep(self, key: Key, model: Model) -> None:
        self._leaving.returned(key)
        self._resident[key] = model
        self._room.held += model.nbytes
        self._ranking.enter(model)

    def _make_room(self, model: Model, before: Gone | None, now: float) -> str:
        """Push out what must go; or why ``model`` is not to be kept."""
        for step in self._room.steps(model, before, now):
            if isinstance(step, str):
                return step
            victim, why = step
            self._drop(victim)
            self._ranking.went(victim)
            self._evictions += 1
            self._leave("evicted", victim, why, now)
            del victim, step  # the last references, most often
        return ""

    def _drop(self, model: Model) -> None:
        del self._resident[model.tenant, model.sha256]
        self._room.held -= model.nbytes

    def _leave(self, what: What, model: Model, why: str, now: float) -> None:
        self.log.add(what, model, why, now)
        if what in ("evicted", "not_kept"):
            self._guard.left(model)
        self._leaving.add((model.tenant, model.sha256), model)

    # --- by the table ---

    def pin(self, keys: Iterable[Key]) -> None:
        """These, beside those that the table pins, are never evicted."""
        self._room.pin(by_hand=frozenset(keys))

    def retain(self, table: EndpointTable) -> None:
        """Let go of every model that the table does not name, and pin what it pins. The loader's thread looks it up."""
        self.settle()
        self._room.table = table
        self._surveys.begin(table, [*self._resident, *self._loads.failures.keys()])

    def _surveyed(self, table: EndpointTable, pinned: frozenset[Key]) -> None:
        fresh = self._room.pin(by_table=pinned)
        if fresh:
            self._warmer.add(table, fresh)
        self._forget()

    def _forget(self) -> None:
        """Let go of some that no deployment names; the rest with the next tick, so that nobody waits for thousands."""
        unnamed = self._surveys.unnamed
        models: list[Model] = []
        while unnamed and len(models) < FORGOTTEN_AT_ONCE:
            key = unnamed.popleft()
            self._loads.failures.forget(key)
            if key in self._resident:
                models.append(self._resident[key])
        self._let_go("forgotten", models, "no deployment names this version any more")

    def _let_go(self, what: What, models: list[Model], why: str) -> None:
        """Unmapped in the loader's thread, one by one."""
        now = self._now()
        for model in models:
            self._drop(model)
            self._leave(what, model, why, now)
        self._ranking.prune(self._resident)
        if models:
            self._loads.run(let_go, models)

    def warm(self, table: EndpointTable) -> None:
        """Load, when nothing else is to be loaded, the versions in use of pinned deployments, and then, as far as they
        fit, the models that were used before a restart.
        """
        self._warmer.start(table)

    def evict_all(self) -> None:
        """Let go of everything, and give the memory back; what requests hold goes when they end."""
        self.settle()
        self._let_go("cleared", list(self._resident.values()), "everything was to be cleared")
        self._resident.clear()  # an emptied dictionary keeps its table; a cleared one does not
        self._leaving.trim(self._loads.run)

    def unload(self, tenant: TenantId, sha256s: Iterable[str]) -> int:
        """Let go of these models, but for those in use; how many went. The next request for one loads it again."""
        self.settle()
        held = [self._resident.get((tenant, sha256)) for sha256 in set(sha256s)]
        models = [model for model in held if model is not None and not model.leases]
        count = len(models)
        self._let_go("cleared", models, "a caller asked for it to be unloaded")
        return count

    # --- to be seen ---

    @property
    def bytes(self) -> int:
        """What the models in memory take together."""
        return self._room.held

    @property
    def budget(self) -> int:
        """What they may take."""
        return self._room.budget

    def __len__(self) -> int:
        return len(self._resident)

    def counts(self) -> ResidencyCounts:
        """Sizes and counts, for metrics."""
        self._leaving.tidy()
        return ResidencyCounts(
            len(self._resident), self._room.held, self._room.budget, len(self._loads.loading), len(self._leaving),
            self._loaded, self._evictions, self._not_kept, self._loads.failed, self._load_seconds,
        )  # fmt: skip

    def state(self, tenant: TenantId, sha256: str) -> ModelState | None:
        """One model's copy; None where there is none."""
        self.settle()
        key, now = (tenant, sha256), self._now()
        pinned = key in self._room.pins
        loading = self._loads.loading.get(key)
        if loading is not None:
            return loading_state(key, loading.size, now - loading.since, pinned=pinned)
        model = self._resident.get(key)
        if model is not None:
            return state_of(model, "READY", now, pinned=pinned)
        leaving = self._leaving.find(key)
        return None if leaving is None else state_of(leaving, "UNLOADING", now, pinned=False)

    def failure(self, tenant: TenantId, sha256: str) -> BaseException | None:
        """Why a model could not be opened when it was last tried; None once it could."""
        self.settle()
        return self._loads.failures.last((tenant, sha256))

    def states(self) -> list[ModelState]:
        """Every model copy of this worker."""
        self.settle()
        return list(self._states(self._now()))

    def _states(self, now: float) -> Iterator[ModelState]:
        pins = self._room.pins
        for key, loading in self._loads.loading.items():
            yield loading_state(key, loading.size, now - loading.since, pinned=key in pins)
        for model in self._resident.values():
            yield state_of(model, "READY", now, pinned=(model.tenant, model.sha256) in pins)
        for leaving in self._leaving:
            yield state_of(leaving, "UNLOADING", now, pinned=False)
