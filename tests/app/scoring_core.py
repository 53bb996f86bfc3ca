"""A scoring worker's core, to be asked directly."""

from pathlib import Path

from tenantry.app.scoring import Place, ScoringWorker
from tenantry.serving import Core


def core_of(home: Path) -> Core:
    """A core over a home folder as it is now, without a loop or an edge."""
    worker = ScoringWorker(Place(home=home))
    worker.watcher.look()
    return worker.core
