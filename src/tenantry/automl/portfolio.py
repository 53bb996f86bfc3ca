"""The kinds of forest that are tried, in the order of the gain that they brought over many tables.

docs/decisions/automl-portfolio.md says over which tables, and what each brought.
"""

from dataclasses import replace

from tenantry.automl.members import ForestParams

PORTFOLIO: dict[str, ForestParams] = {
    "extra trees": ForestParams(extra_trees=True, feature_fraction=1.0, min_data=5),
    "small extra trees": ForestParams(
        extra_trees=True, num_leaves=5, feature_fraction=0.85, min_data=2, bagging=0.6
    ),
    "few columns a tree": ForestParams(feature_fraction=0.4),
    "plain columns": ForestParams(plain=True, num_leaves=24, min_data=5),
    "usual trees": ForestParams(),
    "large extra trees": ForestParams(extra_trees=True, num_leaves=96, learning_rate=0.08, l2=0.3),
    "small trees": ForestParams(num_leaves=7, learning_rate=0.1),
}
"""The first is run on every table, whatever the budget."""
TINY_ROWS, TINY_LEAF = 300, 5


def candidates(rows: int) -> dict[str, ForestParams]:
    """The portfolio for a table of so many rows: a tiny one allows smaller leaves."""
    if rows > TINY_ROWS:
        return dict(PORTFOLIO)
    return {
        name: replace(params, min_data=min(params.min_data, TINY_LEAF)) for name, params in PORTFOLIO.items()
    }
