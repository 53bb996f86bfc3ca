"""How much each raw column matters: the mean size of its Shapley value in margin space over a sample of rows."""

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.records import Record
from tenantry.plan import Plan

SAMPLE = 300


def global_impact(plan: Plan, records: list[Record]) -> F64:
    """One share a plan column, summing to 1 (all 0 where no column matters): mean |Shapley value|, over the
    outputs too.

    Exact attributions of the compiled plan, so that the impact and the reasons of single predictions agree.
    """
    total = np.zeros(len(plan.columns))
    for record in records:
        for output in range(plan.n_outputs):
            total += np.abs(plan.explain(record, output))
    return np.asarray(total / total.sum() if total.sum() > 0 else total)
