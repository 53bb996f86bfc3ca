"""The open plan as its callers see it."""

import contextlib
import gc
import os
import subprocess
import sys
from collections import OrderedDict, UserDict
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.plan.specs import random_spec

from tenantry.errors import Corrupt, InvalidData, Unsupported
from tenantry.plan import Plan, compile_plan, layout
from tenantry.plan.hashing import xxh64
from tenantry.plan.ir import Derived, NumberColumn
from tenantry.plan.meta import PlanMeta
from tenantry.schema import Signature, Task

SPEC = random_spec(12)
DATA = compile_plan(SPEC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "plan.tnp"
    file.write_bytes(DATA)
    return file


def resealed(data: bytes, at: int, value: int) -> bytes:
    """A file with one 32-bit number changed and its checksum repaired."""
    changed = bytearray(data)
    changed[at : at + 4] = value.to_bytes(4, "little")
    changed[24:32] = xxh64(bytes(changed[32:])).to_bytes(8, "little")
    return bytes(changed)


def test_a_mapped_file_scores_as_its_bytes_do(path: Path) -> None:
    record = dict.fromkeys(Plan.from_bytes(DATA).columns, "12")
    with Plan.open(path) as mapped:
        assert mapped.score(record) == Plan.from_bytes(DATA).score(record)
        assert mapped.nbytes == len(DATA) == path.stat().st_size
        assert mapped.data == DATA
        assert mapped.columns == SPEC.inputs
        assert (mapped.n_outputs, mapped.n_slots) == (SPEC.n_outputs, SPEC.n_slots)


def test_a_closed_plan_says_so(path: Path) -> None:
    plan = Plan.open(path)
    plan.close()
    plan.close()
    for use in (
        lambda: plan.score({}),
        lambda: plan.explain({}),
        lambda: plan.data,
        lambda: plan.score_columns([], 0),
    ):
        with pytest.raises(ValueError, match=r"closed|columns in place"):
            use()
    assert plan.columns == SPEC.inputs


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of maps")
def test_closing_or_dropping_a_plan_unmaps_its_file(path: Path) -> None:
    def mapped() -> bool:
        return str(path) in Path("/proc/self/maps").read_text()

    plan = Plan.open(path)
    assert mapped()
    plan.close()
    assert not mapped()
    plan = Plan.open(path)
    del plan
    gc.collect()
    assert not mapped()


def test_closing_within_a_call_waits_for_its_end(path: Path) -> None:
    plan = Plan.open(path)

    class Closer:
        def __float__(self) -> float:
            plan.close()
            return 1.0

        def __str__(self) -> str:
            plan.close()
            return "1"

    assert len(plan.score(dict.fromkeys(plan.columns, Closer()))) == plan.n_outputs
    with pytest.raises(ValueError, match="closed"):
        plan.score({})


def test_a_value_may_score_the_same_plan_while_it_is_read() -> None:
    plan = Plan.from_bytes(DATA)
    inner = dict.fromkeys(plan.columns, "good late")

    class Nested:
        def __str__(self) -> str:
            plan.explain(inner)
            return "good late"

    outer = dict.fromkeys(plan.columns, Nested())
    assert plan.score(outer) == plan.score(inner)


@pytest.mark.parametrize("make", [MappingProxyType, UserDict, OrderedDict])
def test_any_mapping_is_a_record(make: Any) -> None:
    plan = Plan.from_bytes(DATA)
    record = dict.fromkeys(plan.columns, "3")
    assert plan.score(make(record)) == plan.score(record)


@pytest.mark.parametrize("record", [None, 3, "text", [1, 2]])
def test_what_is_no_mapping_is_refused(record: Any) -> None:
    with pytest.raises(InvalidData, match="a record is no object"):
        Plan.from_bytes(DATA).score(record)


def test_errors_of_the_mapping_itself_are_not_swallowed_into_a_score() -> None:
    class Broken:
        def __float__(self) -> float:
            raise KeyError("my own fault")

        __str__ = __float__  # type: ignore[assignment]

    plan = Plan.from_bytes(DATA)
    with pytest.raises(KeyError, match="my own fault"):
        plan.score(dict.fromkeys(plan.columns, Broken()))


def test_unknown_fields_are_ignored() -> None:
    plan = Plan.from_bytes(DATA)
    assert plan.score({"new": [1, 2]}) == plan.score({})


def test_columns_come_as_lists_buffers_or_not_at_all() -> None:
    plan = Plan.from_bytes(DATA)
    rows = 7
    numbers = np.linspace(-2, 2, rows)
    columns: list[Any] = [None] * len(plan.columns)
    for i in range(len(columns)):
        columns[i] = numbers if i % 2 else numbers.tolist()
    columns[0] = None
    got = np.frombuffer(plan.score_columns(tuple(columns), rows)).reshape(rows, plan.n_outputs)
    for row in range(rows):
        record = {name: float(numbers[row]) for name in plan.columns[1:]}
        assert tuple(got[row]) == plan.score(record)


@pytest.mark.parametrize(
    "column",
    [
        np.zeros(3, np.float32),
        np.zeros((3, 1)),
        np.zeros(4),
        [1, 2],
        "abc",
        np.zeros(6)[::2],
        np.zeros(3, ">f8"),
    ],
)
def test_columns_of_another_shape_or_type_are_refused(column: Any) -> None:
    plan = Plan.from_bytes(DATA)
    with pytest.raises((ValueError, TypeError, BufferError)):
        plan.score_columns([column] * len(plan.columns), 3)
    with pytest.raises(ValueError, match="columns in place of"):
        plan.score_columns([], 3)


def test_an_output_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no output 99"):
        Plan.from_bytes(DATA).explain({}, 99)


def test_meta_is_decoded_on_first_use_and_kept() -> None:
    meta = PlanMeta(
        signature=Signature(task=SPEC.task, inputs=()),
        columns=(),
        target="y",
        expected=(0.5,) * SPEC.n_outputs,
    )
    plan = Plan.from_bytes(compile_plan(replace(SPEC, meta=msgspec.to_builtins(meta))))
    assert plan.meta == meta
    assert plan.meta is plan.meta
    with pytest.raises(Corrupt, match="description"):
        _ = Plan.from_bytes(DATA).meta


def test_a_missing_file_or_a_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Plan.open(tmp_path / "none.tnp")
    with pytest.raises(IsADirectoryError):
        Plan.open(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "shorter than its header"),
        (b"x" * 4000, "does not begin"),
        (DATA.replace(b"TNPLAN\r\n", b"TNPLAN\n\n"), "does not begin"),
        (DATA[:-8], "size"),
        (DATA + b"\0", "size"),
        (DATA[:-1] + bytes([DATA[-1] ^ 1]), "checksum"),
        (resealed(DATA, 8, 0x04030201), "byte order"),
    ],
)
def test_damage_is_named(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=message) as caught:
        Plan.from_bytes(data)
    assert caught.value.code == "plan_corrupt"
    (tmp_path / "damaged.tnp").write_bytes(data)
    with pytest.raises(Corrupt):
        Plan.open(tmp_path / "damaged.tnp")


def test_a_newer_version_is_told_from_damage() -> None:
    newer = layout.VERSION + 1
    with pytest.raises(Unsupported, match=f"version {newer}") as caught:
        Plan.from_bytes(resealed(DATA, 12, newer))
    assert caught.value.code == "plan_version"


@pytest.mark.parametrize("op", [2, 0xFFFF])
def test_an_unknown_way_to_derive_a_slot_is_refused(op: int) -> None:
    number = NumberColumn(name="a", slot=0)
    spec = replace(
        SPEC,
        columns=(number,),
        n_slots=2,
        derived=(Derived(slot=1, left=0, right=0),),
        trees=(),
        linear=None,
        pairs=(),
    )
    data = compile_plan(spec)
    [span] = np.frombuffer(data, layout.HEADER, 1)["section"][:, layout.Section.DERIVED]
    changed = bytearray(data)
    changed[int(span["offset"]) + 6 : int(span["offset"]) + 8] = op.to_bytes(2, "little")
    with pytest.raises(Corrupt, match="derived"):
        Plan(bytes(changed), verify=False)


def test_version_one_knows_neither_views_nor_ratios() -> None:
    """No file of that version can hold them; one that does is no plan of ours."""
    number = NumberColumn(name="a", slot=0)
    plain = replace(
        SPEC,
        columns=(number,),
        n_slots=2,
        trees=(),
        linear=None,
        pairs=(),
        derived=(Derived(slot=1, left=0, right=0),),
    )
    ratio = replace(plain, derived=(Derived(slot=1, left=0, right=0, op="ratio"),))
    views = replace(plain, columns=(number, replace(number, slot=1)), derived=())
    assert Plan.from_bytes(resealed(compile_plan(plain), 12, 1)).columns == ("a",)
    for spec in (ratio, views):
        with pytest.raises(Corrupt):
            Plan.from_bytes(resealed(compile_plan(spec), 12, 1))


def test_every_bound_of_the_directory_is_checked() -> None:
    directory = layout.HEADER.fields["section"][1]  # type: ignore[index]
    for section in layout.Section:
        for field in (0, 4):
            at = directory + 8 * section + field
            with pytest.raises(Corrupt):
                Plan.from_bytes(resealed(DATA, at, 0x7FFFFFF8))


def test_scoring_needs_neither_numpy_nor_anything_of_training() -> None:
    script = (
        "import sys; from tenantry.plan import Plan; from tenantry.plan.reasons import reasons; "
        "heavy = {'numpy', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'lightgbm', 'sqlalchemy', 'pydantic', 'fastapi'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "use", ["score", "explain", "encode", "margins", "rows", "columns", "refuse", "open"]
)
def test_no_call_leaks_objects(use: str, path: Path) -> None:
    plan = Plan.open(path)
    record = {name: f"value {name}" for name in plan.columns}

    def refuse() -> None:
        with contextlib.suppress(InvalidData):
            plan.score({plan.columns[0]: [1]})

    call: Any = {
        "score": lambda: plan.score(record),
        "explain": lambda: (plan.explain(record), plan.value_slots),
        "encode": lambda: plan.encode(record),
        "margins": lambda: plan.margins(record),
        "rows": lambda: plan.score_rows([record, {}]),
        "columns": lambda: plan.score_columns([["1"]] * len(plan.columns), 1),
        "refuse": refuse,
        "open": lambda: Plan.open(path).close(),
    }[use]
    for _ in range(50):
        call()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(500):
        call()
    gc.collect()
    assert sys.getallocatedblocks() - before < 100


def test_a_task_of_each_kind_gives_scores_in_its_range() -> None:
    seen = set()
    for seed in range(40):
        spec = random_spec(seed)
        scores = np.array(Plan.from_bytes(compile_plan(spec)).score({}))
        seen.add(spec.task)
        if spec.task is not Task.REGRESSION:
            assert ((scores >= 0) & (scores <= 1)).all()
        if spec.task is Task.MULTICLASS:
            assert scores.sum() == pytest.approx(1)
    assert seen == set(Task)


def test_paths_may_be_of_any_kind(path: Path) -> None:
    for source in (str(path), path, os.fsencode(path).decode()):
        Plan.open(source).close()
