"""A report as JUnit XML, the form in which CI systems show what passed and what did not."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from tenantry.loadtest.compare import Change
from tenantry.loadtest.report import Report, Stage


def write_junit(report: Report, file: Path, changes: Sequence[Change] = ()) -> None:
    """One test case for each objective of each stage, and for each compared figure; without either, one that says that
    the load ran and that something was answered.
    """
    suite = Element("testsuite", name="tenantry load")
    for check in report.checks:
        stage = report.stages[check.stage]
        name = f"{_stage_name(report, check.stage)}: {check.objective}"
        _case(suite, name, stage, None if check.met else f"measured {check.shown}")
    for change in changes:
        stage = report.stages[change.stage]
        name = f"{_stage_name(report, change.stage)}: {change.figure} against the baseline"
        _case(suite, name, stage, change.text if change.verdict == "worse" else None)
    if not len(suite):
        for number, stage in enumerate(report.stages):
            said = None if stage.throughput else "no request was answered"
            _case(suite, f"{_stage_name(report, number)}: answered", stage, said)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in suite)))
    suite.set("errors", "0")
    suite.set("time", f"{sum(stage.seconds for stage in report.stages):.3f}")
    indent(suite)
    ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)


def _stage_name(report: Report, number: int) -> str:
    stage = report.stages[number]
    if stage.shape == "closed":
        return f"{stage.connections} callers"
    return f"{stage.shape} {stage.offered:,.0f}/s"


def _case(suite: Element, name: str, stage: Stage, failure: str | None) -> None:
    case = SubElement(suite, "testcase", classname="tenantry.load", name=name, time=f"{stage.seconds:.3f}")
    if failure is not None:
        SubElement(case, "failure", message=failure).text = failure
