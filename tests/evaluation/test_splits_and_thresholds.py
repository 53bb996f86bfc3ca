import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tenantry.evaluation import best_f1_threshold, group_folds, stratified_folds


@given(st.lists(st.integers(0, 2), min_size=30, max_size=120), st.integers(0, 100))
def test_folds_have_the_same_mix_of_classes(labels, seed):
    y = np.array(labels)
    folds = stratified_folds(y, 5, seed)
    for label in np.unique(y):
        counts = np.bincount(folds[y == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    sizes = np.bincount(folds, minlength=5)
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.integers(0, 20), min_size=20, max_size=80), st.integers(0, 100))
def test_a_group_is_never_parted(groups, seed):
    g = np.array(groups)
    y = np.arange(len(g)) % 2
    for folds in (group_folds(g, 4, seed), stratified_folds(y, 4, seed, g)):
        assert all(len(set(folds[g == name])) == 1 for name in np.unique(g))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 98)), min_size=5, max_size=60))
def test_no_other_threshold_has_a_better_f1(rows):
    y = np.array([label for label, _ in rows])
    p = np.array([share / 100 for _, share in rows])
    chosen = best_f1_threshold(y, p)
    assert 0.01 <= chosen <= 0.99
    reached, *others = (f1_score(y, p >= t, zero_division=0) for t in [chosen, *np.unique(p)])
    assert reached >= max(others) - 1e-12
