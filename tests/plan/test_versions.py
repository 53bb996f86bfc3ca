"""Plan files of every version that was ever written: the present reader opens them, and they score as they did.

The files and their figures were written by ``tests/plan/versions/make.py`` at the time; nobody writes them anew.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenantry.plan import Plan, compile_plan, layout
from tenantry.plan.decompile import spec_of
from tenantry.plan.twin import Twin

FOLDER = Path(__file__).parent / "versions"
FILES = sorted(FOLDER.glob("*/*.tnp"))


def expected(file: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    told = json.loads((file.parent / "expected.json").read_text())
    return told["records"], told["plans"][file.stem]


def test_every_version_has_a_file_of_every_calibration() -> None:
    kinds = {(int(file.parent.name), file.stem) for file in FILES}
    calibrations = ("sigmoid", "isotonic", "softmax", "linear", "exp")
    assert kinds >= {(version, kind) for version in layout.READ_VERSIONS for kind in calibrations}
    for version in layout.READ_VERSIONS:
        assert sum(file.stat().st_size for file in FOLDER.glob(f"{version}/*")) < 64_000


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_old_file_scores_as_it_did(file: Path) -> None:
    records, wanted = expected(file)
    plan, twin = Plan.open(file), Twin(file.read_bytes())
    assert [list(plan.margins(record)) for record in records] == wanted["margins"]
    np.testing.assert_allclose(twin.margins_rows(records), wanted["margins"], rtol=1e-12)
    for scores in (plan.score_rows(records), twin.score_rows(records)):
        np.testing.assert_allclose(scores, wanted["scores"], rtol=1e-12)  # exp() is the machine's


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_old_file_gives_the_reasons_that_it_gave(file: Path) -> None:
    records, wanted = expected(file)
    plan, twin = Plan.open(file), Twin(file.read_bytes())
    for output in range(plan.n_outputs):
        attributions = [row[output] for row in wanted["attributions"]]
        for found in (
            [plan.explain(record, output) for record in records],
            twin.explain_rows(records, output),
        ):
            np.testing.assert_allclose(found, attributions, rtol=1e-6, atol=3e-6)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_old_file_can_be_rewritten(file: Path) -> None:
    records, wanted = expected(file)
    plan = Plan.from_bytes(compile_plan(spec_of(file.read_bytes())))
    assert [list(plan.margins(record)) for record in records] == wanted["margins"]
    assert plan.meta == Plan.open(file).meta
