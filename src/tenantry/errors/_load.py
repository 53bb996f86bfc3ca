"""Codes of load tests: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "load_url": (
        "The address to load is no http:// or https:// address of a scoring API.",
        "Give the scoring API's address, such as http://127.0.0.1:8080, or a home folder on which a server runs.",
    ),
    "load_shape": (
        "The traffic that was asked for cannot be made.",
        "Mend the value that the message names.",
    ),
    "load_targets": (
        "There is nothing to send requests to.",
        "Name keys whose tenants have a model, or publish a model first.",
    ),
    "load_keys": (
        "The file of keys cannot be used.",
        "Give CSV with a heading line: key, and where wanted tenant, model, acting, class and header:NAME.",
    ),
    "load_records": (
        "The file of records cannot be used.",
        "Give CSV with a heading line, or JSON lines with one object a line.",
    ),
    "load_replay": (
        "The recorded log cannot be replayed.",
        "Give JSON lines with time, tenant, deployment and body in each.",
    ),
    "load_unreachable": (
        "The scoring API does not answer, or refuses the key.",
        "Start the server, mend the address, give a key that may score, or with --ca a certificate to trust.",
    ),
    "load_objective": (
        "The objective cannot be read.",
        "Give parts such as p99=50ms, errors=0.1%, goodput=99% or throughput=500/s, joined by commas.",
    ),
    "load_baseline": (
        "The saved report cannot be compared with.",
        "Give a file that --save of this version wrote, of a run in the same shape.",
    ),
}
