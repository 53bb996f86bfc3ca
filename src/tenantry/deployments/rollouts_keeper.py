"""Keeps the running rollouts going: folds in what workers saw, has it judged, and carries decisions out.

A kill at any point loses nothing and does nothing twice: a segment's counts and its name go into the database in one
transaction; a decision is written down before it is carried out; the alias moves only from the champion that the
rollout began with; and the first step of every keeper publishes, for one that was killed before it could.
"""

from pathlib import Path

import msgspec

from tenantry.deployments.rollouts import Change, Rollout, Rollouts, RolloutState
from tenantry.deployments.rollouts_fold import observed
from tenantry.deployments.rollouts_judge import decide, judged
from tenantry.deployments.rollouts_looks import looked
from tenantry.deployments.stores import Publishes
from tenantry.errors import Conflict, Corrupt, TenantryError
from tenantry.ports.clock import Clock
from tenantry.registry import CHAMPION, Registry
from tenantry.routing.observed import KIND, Observed, decode_batch
from tenantry.segments import SegmentReader
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

REMEMBERED_SECONDS = 7 * 86_400.0
"""How long the names of folded segments are kept: far longer than a file outlives its folding."""
TIDY_SECONDS = 3600.0

_log = get_logger("tenantry.rollouts")


class RolloutKeeper:
    """One a home folder; :meth:`step` is called every second or two, by one thread. ``spool`` is where the workers'
    segments are.
    """

    def __init__(
        self, rollouts: Rollouts, registry: Registry, publisher: Publishes, clock: Clock, spool: Path
    ) -> None:
        self._rollouts = rollouts
        self._registry = registry
        self._publisher = publisher
        self._clock = clock
        self._reader = SegmentReader(spool)
        # Changed and not published yet; None stands for everything.
        self._due: set[tuple[TenantId, str] | None] = {None}
        self._tidied = float("-inf")

    def step(self) -> list[Rollout]:
        """Do everything that can be done now; returns the rollouts that ended.

        What fails for one rollout is logged, tried again at the next step, and stops no other.
        """
        self._tidy()
        for path in self._reader.closed(KIND):
            self._fold(path)
        ended = [found for one in self._rollouts.running() if (found := self._kept(one)) is not None]
        self._due.update((one.tenant, one.model) for one in ended)
        for place in list(self._due):  # where publishing fails, the next step tries again
            self._publisher.publish(*(place or ()))
            self._due.discard(place)
        return ended

    def _tidy(self) -> None:
        now = self._clock.now()
        if now - self._tidied >= TIDY_SECONDS:
            self._rollouts.forget(now - REMEMBERED_SECONDS)
            self._tidied = now
        self._reader.recover(KIND)

    def _fold(self, path: Path) -> None:
        """Take one segment in, once."""
        batch: dict[str, Observed] = {}
        damaged = False
        try:
            for record in self._reader.records(path):
                for seen in decode_batch(record):
                    known = batch.setdefault(seen.rollout, seen)
                    if known is not seen:
                        known.add(seen)
        except FileNotFoundError:
            return
        except (Corrupt, msgspec.DecodeError) as error:
            damaged = True
            _log.error("segment damaged", path=path.name, reason=str(error))
        self._rollouts.apply({name: _folding(seen) for name, seen in batch.items()}, once=path.name)
        if damaged:
            self._reader.set_aside(path)
        else:
            self._reader.done(path)

    def _kept(self, rollout: Rollout) -> Rollout | None:
        """Judge one rollout and carry out what was decided; returns it where it ended."""
        try:
            decided = self._decided(rollout)
            return None if decided is None else self._carried_out(decided)
        except TenantryError as error:
            _log.error("rollout waits", rollout=rollout.id, tenant=rollout.tenant, reason=error.message)
        except Exception:  # noqa: BLE001 — a defect in one rollout must not stop the others' decisions
            _log.exception("rollout waits", rollout=rollout.id, tenant=rollout.tenant)
        return None

    def _decided(self, rollout: Rollout) -> Rollout | None:
        """The rollout as it is decided, by now or before; None where it goes on."""
        if rollout.decided is not None:
            return rollout
        now = self._clock.now()
        champion = self._registry.aliases(rollout.tenant, rollout.model).get(CHAMPION)
        if champion == rollout.champion and judged(rollout, now) is rollout:
            return None  # nothing new: no transaction

        def change(current: Rollout) -> Rollout:
            if current.decided is None and champion != current.champion:
                shown = f"version {champion}" if champion else "no version"
                reason = f"the champion was changed meanwhile, from version {current.champion} to {shown}"
                return decide(current, RolloutState.INCONCLUSIVE, reason)
            return judged(current, now)

        found = self._rollouts.apply({rollout.id: change}).get(rollout.id)
        return found if found is not None and found.decided is not None else None

    def _carried_out(self, rollout: Rollout) -> Rollout | None:
        state, reason = rollout.decided, rollout.reason
        if state is RolloutState.PROMOTED:
            state, reason = self._promoted(rollout)
        if state is None:
            return None
        found = self._rollouts.apply({rollout.id: ending(state, reason, self._clock.now())}).get(rollout.id)
        if found is not None:
            _log.info(
                "rollout ended", rollout=found.id, tenant=found.tenant, state=found.state, reason=found.reason
            )
        return found

    def _promoted(self, rollout: Rollout) -> tuple[RolloutState, str]:
        """Move the alias, unless somebody has; how that went."""
        tenant, model, number = rollout.tenant, rollout.model, rollout.challenger
        try:
            self._registry.set_alias(tenant, model, CHAMPION, number, expected=rollout.champion)
        except Conflict as error:
            # Killed after the move and before the record: the move is this rollout's own.
            if self._registry.aliases(tenant, model).get(CHAMPION) != number:
                reason = f"{rollout.reason}; yet it was not promoted: {error.message}"
                return RolloutState.INCONCLUSIVE, reason
        return RolloutState.PROMOTED, rollout.reason


def ending(state: RolloutState, reason: str, now: float) -> Change:
    """What ends a rollout."""

    def change(rollout: Rollout) -> Rollout:
        return msgspec.structs.replace(rollout, state=state, decided=state, reason=reason, ended=now)

    return change


def _folding(seen: Observed) -> Change:
    def change(rollout: Rollout) -> Rollout:
        # A look at each segment: were many taken in before the first look, nothing could be bet on any of them.
        found = observed(rollout, seen)
        return msgspec.structs.replace(found, progress=looked(found.progress, found.plan))

    return change
