"""Settings as rows: each has a name, an environment variable, a default and a sentence of help."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.settings._parsers import choice, folder, optional, or_off, seconds, text_or_none, whole


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, checked. ``ROWS`` says what each means."""

    home: Path
    database_url: str
    server: str | None
    key: str | None
    tenant: str | None
    log_level: str
    log_format: str
    data_port: int
    control_port: int
    workers: int
    training_workers: int
    lease_seconds: float
    poll_seconds: float
    upload_limit_bytes: int
    http: str
    model_bytes: int
    grpc_port: int | Literal["off"] | None
    tls_certificate: Path | None
    tls_key: Path | None
    log_days: int
    sagemaker_port: int

    @property
    def blobs(self) -> Path:
        """The folder of the content-addressed files."""
        return self.home / "blobs"

    @property
    def endpoints(self) -> Path:
        """The folder of the endpoint table's snapshots."""
        return self.home / "endpoints"

    @property
    def run(self) -> Path:
        """The folder of process ids, ports and sockets."""
        return self.home / "run"

    @property
    def operator_key(self) -> Path:
        """The file with the operator's secret (mode 0600)."""
        return self.home / "operator.key"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One setting. ``parse`` turns text into the value, or raises ``ValueError`` that says what it wants."""

    name: str
    env: str
    default: str
    help: str
    parse: Callable[[str], Any]
    secret: bool = False


ROWS: tuple[Row, ...] = (
    Row(
        name="home",
        env="TENANTRY_HOME",
        default="~/.tenantry",
        help="The folder of all that is kept: database, model files, endpoint table, process files.",
        parse=folder,
    ),
    Row(
        name="database_url",
        env="TENANTRY_DATABASE_URL",
        default="",
        help="The database as an SQLAlchemy URL; empty means SQLite, in `tenantry.db` in the home folder.",
        parse=str,
        secret=True,
    ),
    Row(
        name="server",
        env="TENANTRY_SERVER",
        default="",
        help="The control API that commands talk to; empty means a server found in the home folder, or none.",
        parse=text_or_none,
    ),
    Row(
        name="key",
        env="TENANTRY_KEY",
        default="",
        help="The key that commands send to a server; empty means the operator's key in the home folder.",
        parse=text_or_none,
        secret=True,
    ),
    Row(
        name="tenant",
        env="TENANTRY_TENANT",
        default="",
        help="The tenant that commands act for where `--tenant` is not given.",
        parse=text_or_none,
    ),
    Row(
        name="log_level",
        env="TENANTRY_LOG_LEVEL",
        default="info",
        help="The least severe log lines that are written: debug, info, warning or error.",
        parse=choice("debug", "info", "warning", "error"),
    ),
    Row(
        name="log_format",
        env="TENANTRY_LOG_FORMAT",
        default="auto",
        help="How log lines (on stderr) look: json, text, or auto (text on a terminal, json elsewhere).",
        parse=choice("auto", "json", "text"),
    ),
    Row(
        name="data_port",
        env="TENANTRY_PORT",
        default="8080",
        help="The port of the scoring API.",
        parse=whole(0, 65535),
    ),
    Row(
        name="control_port",
        env="TENANTRY_CONTROL_PORT",
        default="8000",
        help="The port of the control API.",
        parse=whole(0, 65535),
    ),
    Row(
        name="workers",
        env="TENANTRY_WORKERS",
        default="0",
        help="Scoring processes; 0 means one a core.",
        parse=whole(0, 1024),
    ),
    Row(
        name="training_workers",
        env="TENANTRY_TRAINING_WORKERS",
        default="0",
        help="Trainings that run at once, at low priority and one a tenant; 0 means one a core.",
        parse=whole(0, 1024),
    ),
    Row(
        name="lease_seconds",
        env="TENANTRY_LEASE_SECONDS",
        default="15",
        help="How long a training worker may be silent before another takes over its job.",
        parse=seconds(1, 3600),
    ),
    Row(
        name="poll_seconds",
        env="TENANTRY_POLL_SECONDS",
        default="0.25",
        help="How often workers look for new jobs and for a new endpoint table.",
        parse=seconds(0.01, 60),
    ),
    Row(
        name="upload_limit_bytes",
        env="TENANTRY_UPLOAD_LIMIT_BYTES",
        default="2147483648",
        help="The largest file that the control API takes.",
        parse=whole(1024, 1 << 50),
    ),
    Row(
        name="http",
        env="TENANTRY_HTTP",
        default="own",
        help="The scoring API's HTTP edge: own (the fast one) or uvicorn.",
        parse=choice("own", "uvicorn"),
    ),
    Row(
        name="model_bytes",
        env="TENANTRY_MODEL_BYTES",
        default="0",
        help="Memory for models in each scoring process, in bytes; 0 means its part of a quarter of the machine's or "
        "container's, and at least 256 MB. Where all models are plans, whose maps the processes share, each may be "
        "given the whole quarter.",
        parse=whole(0, 1 << 50),
    ),
    Row(
        name="grpc_port",
        env="TENANTRY_GRPC_PORT",
        default="",
        help="The port of the scoring API over gRPC, 0 for a free one; empty means the scoring API's port + 1, unless "
        "somebody has it; off means none, which spares each scoring process about 20 MB.",
        parse=optional(or_off(whole(0, 65535))),
    ),
    Row(
        name="tls_certificate",
        env="TENANTRY_TLS_CERTIFICATE",
        default="",
        help="A PEM file with the scoring API's certificate chain; empty means plain HTTP.",
        parse=optional(folder),
    ),
    Row(
        name="tls_key",
        env="TENANTRY_TLS_KEY",
        default="",
        help="A PEM file with the certificate's private key; empty means that it is in the certificate's file.",
        parse=optional(folder),
    ),
    Row(
        name="log_days",
        env="TENANTRY_LOG_DAYS",
        default="30",
        help="Days for which the inference log is kept.",
        parse=whole(0, 36500),
    ),
    Row(
        name="sagemaker_port",
        env="SAGEMAKER_BIND_TO_PORT",
        default="8080",
        help="The port of a SageMaker container (`python -m tenantry.app.sagemaker`); the platform sets it.",
        parse=whole(0, 65535),
    ),
)


def load_settings(
    environ: Mapping[str, str] | None = None, *, overrides: Mapping[str, str | None] | None = None
) -> Settings:
    """Settings from the environment; ``overrides`` (by name, from the command line) win, ``None`` in them
    means unset.

    An empty variable counts as unset. Raises ``InvalidRequest("setting_invalid")`` that names every bad
    setting.
    """
    found = os.environ if environ is None else environ
    given = {name: text for name, text in (overrides or {}).items() if text is not None}
    unknown = given.keys() - {row.name for row in ROWS}
    if unknown:
        raise InvalidRequest("setting_invalid", f"there is no setting {sorted(unknown)[0]!r}")
    values: dict[str, Any] = {}
    problems: list[str] = []
    for row in ROWS:
        text = given.get(row.name) or found.get(row.env) or row.default
        try:
            values[row.name] = row.parse(text)
        except ValueError as error:
            shown = "its value" if row.secret else repr(text[:80])
            problems.append(f"{row.env} must be {error}, not {shown}")
    if problems:
        raise InvalidRequest("setting_invalid", "; ".join(problems))
    if not values["database_url"]:
        values["database_url"] = f"sqlite:///{values['home'] / 'tenantry.db'}"
    return Settings(**values)


def render_markdown() -> str:
    """The table of ``docs/settings.md``."""
    lines = ["| variable | default | what it does |", "|---|---|---|"]
    lines += [
        f"| `{row.env}` | {f'`{row.default}`' if row.default else '(empty)'} | {row.help} |" for row in ROWS
    ]
    return "\n".join(lines) + "\n"
