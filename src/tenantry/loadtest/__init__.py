"""Load as a feature: drive a scoring API as its callers would, and say whether it keeps its objective (B17, C12).

Receives: a URL, keys, a traffic shape or a recorded log. Hands on: a report of latency, throughput and errors with
a verdict. Never knows: anything of the server but its public API.

    keys = [KeyLine(key=secret)]
    targets = targets_of(url, keys)
    pool = bodies(records)
    requests = assemble(url, [(target, pool) for target in targets])
    report = load_test(Load(url=url, requests=requests, rates=(200.0,)), read_objectives("p99=50ms,errors=0.1%"))
    assert report.met
"""

from tenantry.loadtest.bodies import PATHS, bodies, random_records, read_records
from tenantry.loadtest.client import Shot
from tenantry.loadtest.compare import Change, cautions, compare, load_baseline, save
from tenantry.loadtest.discover import Input, ask, inputs_of, targets_of
from tenantry.loadtest.drive import MAX_CONNECTIONS, Drive, drive, drive_async
from tenantry.loadtest.junit import write_junit
from tenantry.loadtest.objectives import Objective, check, read_objectives
from tenantry.loadtest.pool import Sink
from tenantry.loadtest.replay import Call, Recorded, calls_of, read_log, replay
from tenantry.loadtest.replies import Reply
from tenantry.loadtest.report import Check, Latency, Report, Stage
from tenantry.loadtest.requests import Requests, assemble
from tenantry.loadtest.run import Load, load_test
from tenantry.loadtest.samples import Samples
from tenantry.loadtest.targets import KeyLine, Target, read_keys

__all__ = [
    "MAX_CONNECTIONS",
    "PATHS",
    "Call",
    "Change",
    "Check",
    "Drive",
    "Input",
    "KeyLine",
    "Latency",
    "Load",
    "Objective",
    "Recorded",
    "Reply",
    "Report",
    "Requests",
    "Samples",
    "Shot",
    "Sink",
    "Stage",
    "Target",
    "ask",
    "assemble",
    "bodies",
    "calls_of",
    "cautions",
    "check",
    "compare",
    "drive",
    "drive_async",
    "inputs_of",
    "load_baseline",
    "load_test",
    "random_records",
    "read_keys",
    "read_log",
    "read_objectives",
    "read_records",
    "replay",
    "save",
    "targets_of",
    "write_junit",
]
