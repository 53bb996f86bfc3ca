"""The AutoML benchmark as Markdown: each table's means over the seeds, ranks, and the bars with their verdicts."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from benchmarks.automl_cases import Figures, Kept, Run, Table, judge, paired, probabilities, truth
from tenantry.evaluation.metrics import expected_calibration_error
from tenantry.schema import Task

TITLES = {
    "autogluon-10": "AutoGluon 10 s",
    "autogluon-60": "AutoGluon 60 s",
    "flaml-10": "FLAML 10 s",
    "script-0": "script",
    "lightgbm-0": "LightGBM",
}
JUDGES = ("autogluon-10", "autogluon-60")
"""The bar is the better of these two on each table."""
ECE_BAR = 0.03
BULK_BARS = {"autogluon-10": 10, "flaml-10": 5}
"""Our rows a second, in multiples of theirs."""
PERFECT = 400
"""Draws of a perfectly calibrated model's test outcomes."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One table: every contestant's runs and figures, seed by seed. A rival may lack some of our seeds."""

    table: Table
    runs: dict[str, dict[int, Run]]
    figures: dict[str, dict[int, Figures]]

    def common(self, who: str) -> list[int]:
        return [seed for seed in self.runs["ours"] if seed in self.runs[who]]

    def mean(self, who: str, which: str) -> float:
        """Over our seeds. Where a rival lacks some: ours, less the difference over the seeds that both have."""
        mine, theirs = self.figures["ours"], self.figures[who]
        gaps = [getattr(mine[s], which) - getattr(theirs[s], which) for s in self.common(who)]
        return float(np.mean([getattr(f, which) for f in mine.values()]) - np.mean(gaps))

    def gap(self, who: str, which: str) -> tuple[float, float]:
        """Ours against a rival over the seeds that both have, better is positive; and its standard error."""
        mine, theirs = self.figures["ours"], self.figures[who]
        seeds = self.common(who)
        return paired([mine[s] for s in seeds], [theirs[s] for s in seeds], which)

    def fact(self, who: str, name: str) -> float:
        found = [run.facts[name] for run in self.runs[who].values() if name in run.facts]
        return float(np.mean(found)) if found else float("nan")


def contest(table: Table, kept: Kept, budget: float, seeds: Sequence[int], version: str) -> Contest | None:
    """``None`` where ours has no run."""
    folder = kept.path(table, "x", "x", 0, 0).parent
    places = {"ours": rf"ours-{version}-{budget:g}s"}
    for who in TITLES:
        learner, limit = who.rsplit("-", 1)
        places[who] = rf"{learner}-[^-]+-{limit}s"
    runs: dict[str, dict[int, Run]] = {}
    for who, place in places.items():
        shape = re.compile(rf"{place}-(\d+)\.npz")
        found = {
            int(m[1]): kept.load(p) for p in sorted(folder.glob("*.npz")) if (m := shape.fullmatch(p.name))
        }
        runs[who] = {s: run for s in seeds if (run := found.get(s)) is not None}
    if not runs["ours"]:
        return None
    met = {who: r for who, r in runs.items() if r.keys() & runs["ours"].keys()}
    return Contest(table, met, {w: {s: judge(table, r) for s, r in rs.items()} for w, rs in met.items()})


def report(
    groups: dict[str, list[Table]], kept: Kept, budget: float, seeds: Sequence[int], version: str
) -> str:
    parts = []
    everything: list[Contest] = []
    for title, tables in groups.items():
        found = [c for table in tables if (c := contest(table, kept, budget, seeds, version))]
        if found:
            parts += [f"**{title}** ({len(found)} tables)", _sources(found), *_group(found)]
            everything += found
    if everything:
        parts += ["**Calibration, honesty, size**", _trust(everything), _sizes(everything, budget)]
    return "\n\n".join(part for part in parts if part)


def _sources(contests: list[Contest]) -> str:
    said = [f"{c.table.name}: {c.table.source}" for c in contests if c.table.source]
    return f"From {'; '.join(said)}." if said else ""


def _group(contests: list[Contest]) -> list[str]:
    who = ["ours", *(w for w in TITLES if any(w in c.runs for c in contests))]
    lines = [
        _quality(
            contests, who, "score", "AUROC (classes: mean of each against the rest) or R², higher is better"
        ),
        _quality(contests, who, "loss", "Log loss or RMSE, lower is better"),
        _ranks(contests, who),
    ]
    if gaps := _missing(contests):
        lines.append(gaps)
    return lines


def _quality(contests: list[Contest], who: list[str], which: str, caption: str) -> str:
    names = ["ours", *(TITLES[w] for w in who[1:])]
    lines = [
        f"{caption}:\n",
        "| table | seeds | " + " | ".join(names) + " | ours − AutoGluon's best | bar: ≥ −1 s.e. |",
        "|---|---:|" + "---:|" * len(names) + "---:|---|",
    ]
    passed = judged = 0
    for c in contests:
        best = [c.mean(w, which) if w in c.runs else float("nan") for w in who]
        at = np.nanargmax(best) if which == "score" else np.nanargmin(best)
        cells = [("**{}**" if i == at else "{}").format(_shown(v)) for i, v in enumerate(best)]
        gap, verdict, ok = _verdict(c, which)
        judged, passed = judged + (ok is not None), passed + bool(ok)
        seeds = str(len(c.runs["ours"]))
        lines.append("| " + " | ".join([c.table.name, seeds, *cells, gap, verdict]) + " |")
    lines.append(f"\n{passed} of {judged} tables meet the bar.")
    return "\n".join(lines)


def _verdict(c: Contest, which: str) -> tuple[str, str, bool | None]:
    """Ours against the better of AutoGluon's two, in paired standard errors."""
    rivals = [w for w in JUDGES if w in c.runs]
    if not rivals:
        return "–", "not run", None
    choose = max if which == "score" else min
    best = choose(rivals, key=lambda w: c.mean(w, which))
    gap, error = c.gap(best, which)
    ratio = gap / error if error > 0 else 0.0
    met = ratio >= -1.0
    note = "" if len(rivals) == len(JUDGES) else f" (of {TITLES[rivals[0]]} alone)"
    return f"{gap:+.4g} ({ratio:+.1f} s.e.)", ("met" if met else "missed") + note, met


def _shown(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.5g}"


def _ranks(contests: list[Contest], who: list[str]) -> str:
    """Over the tables where all of them ran: everyone's mean rank, and ours against AutoGluon's two alone."""
    lines = ["Mean rank over the tables (1 is best):\n"]
    names = ["ours", *(TITLES[w] for w in who[1:])]
    lines += ["| | tables | " + " | ".join(names) + " |", "|---|---:|" + "---:|" * len(names)]
    for which, title in (("score", "AUROC or R²"), ("loss", "log loss or RMSE")):
        for group, label in ((who, ""), ([w for w in who if w in ("ours", *JUDGES)], ", these alone")):
            full = [c for c in contests if all(w in c.runs for w in group)]
            if not full or (label and len(group) == len(who)):
                continue
            sign = -1 if which == "score" else 1
            ranks = np.mean([rankdata([sign * c.mean(w, which) for w in group]) for c in full], axis=0)
            cells = [f"{ranks[group.index(w)]:.2f}" if w in group else "" for w in who]
            lines.append(f"| {title}{label} | {len(full)} | " + " | ".join(cells) + " |")
    spent = []
    for w, name in zip(who, names, strict=True):
        seconds = [c.fact(w, "cpu") for c in contests if w in c.runs]
        if known := [value for value in seconds if not np.isnan(value)]:
            spent.append(f"{name} {statistics.fmean(known):.1f}")
    lines.append("\nCPU seconds of a training, mean: " + ", ".join(spent) + ".")
    return "\n".join(lines)


def _missing(contests: list[Contest]) -> str:
    """Who has fewer seeds than ours where."""
    lacks = []
    for who, title in TITLES.items():
        short = [(c.table.name, len(c.common(who)), len(c.runs["ours"])) for c in contests if who in c.runs]
        names = [f"{name} {have} of {of}" for name, have, of in short if have < of]
        names += [f"{c.table.name} none" for c in contests if who not in c.runs and len(short)]
        if names:
            lacks.append(f"{title}: {', '.join(names)}")
    return f"Seeds not run (compared over those that were): {'; '.join(lacks)}." if lacks else ""


def _trust(contests: list[Contest]) -> str:
    lines = [
        "| table | ECE | bar | seeds within | own estimate | test | gap in test s.e. | seeds within 2 s.e. |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    calibrated: list[bool] = []
    honest: list[bool] = []
    for c in contests:
        row, is_calibrated, is_honest = _trust_row(c)
        lines.append(row)
        honest.append(is_honest)
        if is_calibrated is not None:
            calibrated.append(is_calibrated)
    lines.append(
        f"\nCalibrated (mean ECE at most {ECE_BAR}, or at most what 95 % of perfect models stay under on that test "
        f"size): {sum(calibrated)} of {len(calibrated)}. "
        f"Own estimate within 2 standard errors of the test score, means over the seeds: "
        f"{sum(honest)} of {len(honest)} (bar: 13 of 14)."
    )
    return "\n".join(lines)


def _trust_row(c: Contest) -> tuple[str, bool | None, bool]:
    inner = np.array([run.facts["inner"] for run in c.runs["ours"].values()])
    score = np.array([f.score for f in c.figures["ours"].values()])
    error = np.array([f.error for f in c.figures["ours"].values()])
    gaps = (inner - score) / error
    mean_gap = float((inner - score).mean() / error.mean())
    cells = ["–", "–", "–"]
    calibrated = None
    if c.table.task is not Task.REGRESSION:
        pairs = [calibration(c.table, run) for run in c.runs["ours"].values()]
        ece, bar = (float(v) for v in np.mean(pairs, axis=0))
        calibrated = ece <= max(ECE_BAR, bar)
        within = sum(a <= max(ECE_BAR, b) for a, b in pairs)
        cells = [f"{ece:.4f}", f"{max(ECE_BAR, bar):.4f}", f"{within}/{len(pairs)}"]
    cells += [
        f"{inner.mean():.4f}",
        f"{score.mean():.4f}",
        f"{mean_gap:+.2f}",
        f"{(abs(gaps) <= 2).sum()}/{len(gaps)}",
    ]
    return "| " + " | ".join([c.table.name, *cells]) + " |", calibrated, abs(mean_gap) <= 2


def calibration(table: Table, run: Run) -> tuple[float, float]:
    """Expected calibration error, and the 95 % quantile of a perfect model's on these rows.

    Of the second class's probability; with more classes, of the chosen class's. A perfect model's outcomes are drawn
    from the very probabilities it states.
    """
    y, p = truth(table, run), probabilities(run)
    binary = p.shape[1] == 2
    stated = p[:, 1] if binary else p.max(axis=1)
    came = (y == 1) if binary else (y == p.argmax(axis=1))
    rng = np.random.default_rng(0)
    draws = [
        expected_calibration_error((rng.random(len(stated)) < stated).astype(np.int64), stated)
        for _ in range(PERFECT)
    ]
    return expected_calibration_error(came.astype(np.int64), stated), float(np.quantile(draws, 0.95))


def _sizes(contests: list[Contest], budget: float) -> str:
    mine = [run.facts for c in contests for run in c.runs["ours"].values()]
    size = statistics.median(f["kb"] for f in mine)
    over = max(f["cpu"] / budget - 1 for f in mine)
    lines = [
        "| | ours | theirs | bar |",
        "|---|---:|---:|---|",
        (
            f"| file, KB, median (largest {max(f['kb'] for f in mine):.0f}) | {size:.0f} "
            f"| {_sizes_of_rivals(contests)} | {_met(size <= 200, '≤ 200')} |"
        ),
        f"| one row, record → score, µs, median | {statistics.median(f['row_us'] for f in mine):.1f} | | |",
        *_bulk(contests),
        f"| training, CPU s, mean | {statistics.fmean(f['cpu'] for f in mine):.1f} | | |",
        f"| CPU s over the budget of {budget:g} s, worst | {max(0.0, over):.1%} | | {_met(over <= 0.1, '≤ 10 %')} |",
    ]
    return "\n".join(lines)


def _sizes_of_rivals(contests: list[Contest]) -> str:
    found = []
    for who, title in TITLES.items():
        runs = [run for c in contests for run in c.runs.get(who, {}).values() if "mb" in run.facts]
        if runs:
            found.append(f"{title}: {statistics.median(run.facts['mb'] for run in runs) * 1000:,.0f}")
    return "; ".join(found)


def _bulk(contests: list[Contest]) -> list[str]:
    """Rows a second in one call, the median over the tables of our rate and of our rate over theirs."""
    lines = []
    for who, bar in BULK_BARS.items():
        rates, ratios = [], []
        for c in contests:
            theirs = [r.facts["rows_s"] for r in c.runs.get(who, {}).values() if "rows_s" in r.facts]
            mine = [r.facts["rows_s"] for r in c.runs["ours"].values() if "rows_s" in r.facts]
            if theirs and mine:
                rates.append(statistics.median(mine))
                ratios.append(rates[-1] / statistics.median(theirs))
        if ratios:
            ratio = statistics.median(ratios)
            lines.append(
                f"| rows a second in bulk, median of {len(ratios)} tables | {statistics.median(rates):,.0f} "
                f"| {TITLES[who]}: {ratio:.1f}× fewer | {_met(ratio >= bar, f'≥ {bar}×')} |"
            )
    return lines


def _met(ok: bool, bar: str) -> str:  # noqa: FBT001
    return f"{bar}: {'met' if ok else 'missed'}"
