"""The deep tier: proposals by tree-structured Parzen estimators (Bergstra et al. 2011), through the optional Optuna."""

import warnings
from collections.abc import Callable
from typing import Any

from tenantry.automl.members import ForestParams
from tenantry.automl.oof import Trial
from tenantry.automl.race import Race
from tenantry.errors import Unsupported

MOST_PROPOSALS = 500


def require_optuna() -> Any:
    """The module. Errors: ``Unsupported("deep_not_installed")`` where the extra is absent."""
    try:
        import optuna  # noqa: PLC0415 (an optional extra)
    except ImportError as error:
        raise Unsupported("deep_not_installed", "optuna is not installed") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def search_deep(
    race: Race,
    most_rounds: Callable[[ForestParams], int],
    report: Callable[[str], None],
) -> list[Trial]:
    """Run proposals until the race's clock or budget ends; those that were not given up."""
    optuna = require_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental parts of the sampler, which are meant
        sampler = optuna.samplers.TPESampler(seed=race.seed, multivariate=True, n_startup_trials=5)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    found: list[Trial] = []
    for number in range(MOST_PROPOSALS):
        if race.clock.over or race.budget.left <= 0:
            break
        asked = study.ask()
        params = _proposed(asked)
        trial = race.run(f"proposal {number + 1}", params, most_rounds(params))
        study.tell(asked, race.last_loss)
        if trial is not None:
            found.append(trial)
        report(f"proposal {number + 1}")
    return found


def _proposed(asked: Any) -> ForestParams:
    return ForestParams(
        learning_rate=asked.suggest_float("learning_rate", 0.02, 0.15, log=True),
        num_leaves=asked.suggest_int("num_leaves", 3, 127, log=True),
        min_data=asked.suggest_int("min_data", 2, 100, log=True),
        feature_fraction=asked.suggest_float("feature_fraction", 0.2, 1.0),
        bagging=asked.suggest_float("bagging", 0.5, 1.0),
        l2=asked.suggest_float("l2", 0.01, 50.0, log=True),
        extra_trees=asked.suggest_categorical("extra_trees", [False, True]),
        plain=asked.suggest_categorical("plain", [False, True]),
    )
