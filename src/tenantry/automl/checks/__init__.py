"""What is wrong with a table before anything is learnt from it; one check a file.

Receives: typed columns and the target. Hands on: findings with code, columns, action and figures, and which columns to
leave out, each with its reason. Never knows: how columns are encoded or what learns from them.
"""

from tenantry.automl.checks.context import Context, Verdict
from tenantry.automl.checks.run import Checked, run_checks
from tenantry.automl.checks.univariate import Alone, judge_alone

__all__ = ["Alone", "Checked", "Context", "Verdict", "judge_alone", "run_checks"]
