"""Both runtimes of scoring under one suite: what holds for a plan holds for the ONNX model exported from it."""

import gc
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.plan.test_onnx_trained import cars, churn, tickets
from tests.serving.plans import small_plan, store_plan

from tenantry.adapters.onnx import OnnxRuntime, memory
from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.errors import Corrupt, InvalidData, TenantryError, Unsupported
from tenantry.plan import Plan
from tenantry.plan.onnx_export import export_onnx
from tenantry.plan.reasons import reasons
from tenantry.routing import VersionRef
from tenantry.schema import Task
from tenantry.serving.ports import Runtime, ScoringPlan
from tenantry.serving.residency import Residency
from tenantry.tenancy import TenantId, tenant_id

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

ACME = TenantId("acme")
HOSTILE = [
    None,
    "",
    " ",
    "12",
    " 1 234,5 ",
    "1,234.5",
    "?",
    True,
    3,
    2.5,
    float("nan"),
    float("inf"),
    1e300,
    "東京",
]


class PlanRuntime:
    """As a worker has it."""

    def open(self, path: Path, /) -> Plan:
        return Plan.open(path)

    def trim(self) -> None:
        pass

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        return reasons(plan, record, k, output)


class Trained(NamedTuple):
    plan: Path
    onnx: Path
    records: list[dict[str, Any]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Trained]:
    folder = tmp_path_factory.mktemp("trained")
    found = {}
    for make, task in ((churn, Task.BINARY), (tickets, Task.MULTICLASS), (cars, Task.REGRESSION)):
        table, target = make()
        definition = PredictionDefinition(name="p", target=target)
        data = train(tenant_id("t"), table, definition, budget_cpu_seconds=3).plan
        one = Trained(folder / f"{task}.tnp", folder / f"{task}.onnx", table.to_pylist()[:300])
        one.plan.write_bytes(data)
        one.onnx.write_bytes(export_onnx(data))
        found[task] = one
    return found


@pytest.fixture(params=["plan", "onnx"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return PlanRuntime() if request.param == "plan" else OnnxRuntime()


@pytest.fixture(params=list(Task))
def case(request: pytest.FixtureRequest, trained: dict[Task, Trained]) -> Trained:
    return trained[request.param]


@pytest.fixture
def opened(runtime: Runtime, case: Trained) -> ScoringPlan:
    return runtime.open(case.plan if isinstance(runtime, PlanRuntime) else case.onnx)


def hostile(columns: Sequence[str]) -> list[dict[str, Any]]:
    """Each odd value in each column, shifted, so that every column sees every value."""
    many = len(HOSTILE)
    return [{name: HOSTILE[(i + k) % many] for k, name in enumerate(columns)} for i in range(many)]


def test_scores_are_those_of_the_plan(opened: ScoringPlan, case: Trained) -> None:
    records = [*case.records, *hostile(opened.columns), {}, {"unknown": 1}]
    with Plan.open(case.plan) as plan:
        wanted = plan.score_rows(records)
        assert opened.columns == plan.columns
        assert opened.head == plan.head
        assert opened.meta.signature == plan.meta.signature
        assert opened.meta.target == plan.meta.target
    assert len(wanted[0]) == opened.n_outputs
    for got in (opened.score_rows(records), [opened.score(record) for record in records]):
        for mine, theirs in zip(got, wanted, strict=True):
            assert type(mine) is tuple
            assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-9)


def test_columns_score_as_records_do(opened: ScoringPlan, case: Trained) -> None:
    numbers = {column.name for column in opened.head.signature.inputs if column.datatype == "FP64"}
    records = case.records[:50]
    columns: list[Any] = []
    for i, name in enumerate(opened.columns):
        if i == 1:
            columns.append(None)
        elif name in numbers and all(_is_float(record[name]) for record in records):
            columns.append(array("d", [float(record[name]) for record in records]))
        else:
            columns.append([record[name] for record in records])
    without = [{k: v for k, v in record.items() if k != opened.columns[1]} for record in records]
    scores = array("d", opened.score_columns(columns, 50))
    assert list(scores) == pytest.approx([p for row in opened.score_rows(without) for p in row], abs=1e-12)
    assert opened.score_columns([None] * len(columns), 0) == b""
    assert opened.score_rows([]) == []


def _is_float(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def test_what_cannot_be_read_is_told_alike(opened: ScoringPlan, case: Trained) -> None:
    name = opened.columns[-1]
    with Plan.open(case.plan) as plan:
        for bad in ([1], {"a": 1}, "\ud800"):
            told = []
            for one in (plan, opened):
                with pytest.raises(InvalidData) as raised:
                    one.score({name: bad})
                told.append((raised.value.code, raised.value.message))
                with pytest.raises(InvalidData, match=f"column '{name}'"):
                    one.score_rows([{}, {name: bad}])
            assert told[0] == told[1]
            assert told[0][0] == "record_value"
    with pytest.raises(InvalidData, match="a record is no object"):
        opened.score(3)  # type: ignore[arg-type]
    columns: list[Any] = [None] * len(opened.columns)
    with pytest.raises(ValueError, match="columns in place of"):
        opened.score_columns(columns[1:], 1)
    with pytest.raises(ValueError, match="1 values in place of 2"):
        opened.score_columns([[None], *columns[1:]], 2)
    with pytest.raises(TypeError, match="neither None nor a list nor a buffer"):
        opened.score_columns([array("i", [1]), *columns[1:]], 1)


def test_closed_is_closed(opened: Any) -> None:
    opened.score({})
    opened.close()
    with pytest.raises(ValueError, match="closed"):
        opened.score({})


def test_damaged_files_are_refused(runtime: Runtime, case: Trained, tmp_path: Path) -> None:
    good = (case.plan if isinstance(runtime, PlanRuntime) else case.onnx).read_bytes()
    for i, data in enumerate((b"", b"nothing", good[: len(good) // 2])):
        path = tmp_path / str(i)
        path.write_bytes(data)
        with pytest.raises(Corrupt) as raised:
            runtime.open(path)
        assert raised.value.code == "plan_corrupt"
    with pytest.raises(FileNotFoundError):
        runtime.open(tmp_path / "none")


# --- in memory together ---


@pytest.fixture
def loader() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


Store = Callable[[str, float], VersionRef]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    def put(kind: str, number: float) -> VersionRef:
        data = small_plan(shift=number)
        ref = store_plan(tmp_path, ACME, data if kind == "plan" else export_onnx(data))
        return VersionRef(path=ref.path, sha256=ref.sha256, runtime=kind)

    return put


@pytest.mark.parametrize("kinds", [("plan",), ("onnx",), ("plan", "onnx")])
def test_the_same_books_for_both(
    kinds: tuple[str, ...], store: Store, tmp_path: Path, loader: ThreadPoolExecutor
) -> None:
    refs = [store(kind, float(i)) for i in range(6) for kind in kinds]
    runtimes: dict[str, Runtime] = {"plan": PlanRuntime(), "onnx": OnnxRuntime()}
    whole = Residency(tmp_path, runtimes, 1 << 40, loader)
    for ref in refs:
        whole.load(ACME, ref).result(60)
    whole.settle()
    assert {state.state for state in whole.states()} == {"READY"}
    taken = {state.sha256: state.bytes for state in whole.states()}
    assert all(size > 4096 for size in taken.values())
    if len(kinds) == 2:
        plans, sessions = ([taken[ref.sha256] for ref in refs if ref.runtime == kind] for kind in kinds)
        assert min(sessions) > 5 * max(plans)
    half = Residency(tmp_path, runtimes, sum(taken.values()) // 2, loader)
    for ref in refs:
        model = half.load(ACME, ref).result(60)
        with half.lease(model):
            assert 0 < model.plan.score({"tenure": 3})[0] < 1
        half.settle()
        assert half.bytes <= half.budget
    assert half.counts().evictions > 0
    assert all("lowest value of" in event.why for event in half.log.events())
    del model
    half.evict_all()
    loader.submit(int).result(60)
    assert (half.bytes, half.states()) == (0, [])


def test_sessions_are_measured_and_given_back(
    store: Store, tmp_path: Path, loader: ThreadPoolExecutor
) -> None:
    runtime = OnnxRuntime()
    residency = Residency(tmp_path, {"onnx": runtime}, 1 << 40, loader)
    refs = [store("onnx", i / 10) for i in range(30)]
    residency.load(ACME, refs[0]).result(60)  # the library's own tables come with the first
    residency.settle()
    gc.collect()
    loader.submit(runtime.trim).result(60)
    before, resident = memory.allocated(), _rss()
    said = residency.bytes
    for ref in refs[1:]:
        residency.load(ACME, ref).result(60)
    residency.settle()
    grown = memory.allocated() - before
    assert residency.bytes - said == pytest.approx(grown, rel=0.15)
    assert grown > 29 * 50_000
    residency.evict_all()
    loader.submit(gc.collect).result(60)
    assert memory.allocated() - before < 0.05 * grown
    assert _rss() - resident < 0.25 * grown  # trimmed: without it, all of it would stay


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


# --- what is ONNX's own ---


def test_there_are_no_reasons(trained: dict[Task, Trained]) -> None:
    runtime = OnnxRuntime()
    plan = runtime.open(trained[Task.BINARY].onnx)
    with pytest.raises(Unsupported) as raised:
        runtime.reasons(plan, {}, 3, None)
    assert raised.value.code == "reasons_unsupported"
    assert raised.value.hint


def test_a_foreign_graph_is_refused(trained: dict[Task, Trained], tmp_path: Path) -> None:
    model = onnx.load(trained[Task.BINARY].onnx)
    kept = [(entry.key, entry.value) for entry in model.metadata_props]
    for damage, kind in (
        ("tenantry.inputs", Unsupported),
        ("tenantry.signature", Unsupported),
        (None, Corrupt),
    ):
        del model.metadata_props[:]
        for key, value in kept:
            if key != damage:
                model.metadata_props.add(key=key, value="[1" if damage is None else value)
        path = tmp_path / "foreign.onnx"
        path.write_bytes(model.SerializeToString())
        with pytest.raises(TenantryError) as raised:
            OnnxRuntime().open(path)
        assert type(raised.value) is kind
    # The first exports did not say how a column's text is read.
    del model.metadata_props[:]
    for key, value in kept:
        model.metadata_props.add(key=key, value=value.replace('"decimal":".",', ""))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(Unsupported) as unsupported:
        OnnxRuntime().open(path)
    assert unsupported.value.code == "onnx_foreign"


def test_without_the_extra_it_says_what_to_install(
    trained: dict[Task, Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Unsupported) as raised:
        OnnxRuntime().open(trained[Task.BINARY].onnx)
    assert raised.value.code == "onnx_not_installed"
    assert "tenantry[onnx]" in raised.value.hint


def test_it_is_imported_with_the_first_model() -> None:
    code = (
        "import sys\nfrom tenantry.adapters.onnx import OnnxRuntime\nOnnxRuntime()\n"
        "print(sorted({'onnxruntime', 'numpy', 'onnx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
