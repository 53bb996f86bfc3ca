"""Every table, as it is after the newest migration. JSON values are kept as text, times as seconds since the
epoch.

A change here needs a migration in ``migrations/versions`` and its number in ``HEAD``; a test compares both.
"""

import sqlalchemy as sa

HEAD = "0003"
"""The newest migration. Kept here so that a process finds out with one SELECT that there is nothing to
migrate.
"""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("attributes", sa.Text, nullable=False),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id")),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("expires", sa.Double),
    sa.Column("revoked", sa.Double),
    sa.Index("ix_keys_tenant", "tenant"),
)

definitions = sa.Table(
    "definitions",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("data_digest", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("columns", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    # Rises with every save, so that "latest" needs no clock and a table that comes back is the latest again.
    sa.Column("turn", sa.BigInteger, nullable=False),
    sa.Index("ix_snapshots_tenant_name_turn", "tenant", "name", "turn"),
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("created", sa.Double, nullable=False),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("bundle", sa.Text, nullable=False),
    sa.Column("snapshot", sa.Text, nullable=False),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("parent", sa.Integer),
    sa.Column("created", sa.Double, nullable=False),
    sa.UniqueConstraint("tenant", "model", "bundle"),
    sa.ForeignKeyConstraint(["tenant", "model"], ["models.tenant", "models.name"]),
    sa.ForeignKeyConstraint(["tenant", "snapshot"], ["snapshots.tenant", "snapshots.digest"]),
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant", "model", "number"], ["versions.tenant", "versions.model", "versions.number"]
    ),
)

alias_changes = sa.Table(
    "alias_changes",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("alias", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("previous", sa.Integer),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("rollback", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(["tenant", "model"], ["models.tenant", "models.name"]),
    sa.Index("ix_alias_changes_tenant_model_alias", "tenant", "model", "alias"),
    sqlite_autoincrement=True,
)

_queued = sa.text("state = 'queued'")
_running = sa.text("state = 'running'")
QUEUED: sa.ColumnClause[str] = sa.literal_column("'queued'")
RUNNING: sa.ColumnClause[str] = sa.literal_column("'running'")
"""For conditions on ``jobs.state``: SQLite uses a partial index only where the query holds the constant itself."""

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("progress", sa.Double, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("started", sa.Double),
    sa.Column("finished", sa.Double),
    sa.Column("not_before", sa.Double, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("result", sa.Text),
    sa.UniqueConstraint("tenant", "kind", "key"),
    # Not (tenant, seq): SQLite would prefer it to ix_jobs_queued, and walk through all finished jobs.
    sa.Index("ix_jobs_listed", "tenant", "created", "seq"),
    sa.Index("ix_jobs_queued", "tenant", "seq", sqlite_where=_queued, postgresql_where=_queued),
    sa.Index(
        "ix_jobs_ready", "tenant", "kind", "seq", "not_before", sqlite_where=_queued, postgresql_where=_queued
    ),
    # One running job a tenant: on PostgreSQL no row lock says this, the index does.
    sa.Index("uq_jobs_running", "tenant", unique=True, sqlite_where=_running, postgresql_where=_running),
    sa.Index("ix_jobs_lease", "lease_until", sqlite_where=_running, postgresql_where=_running),
    sa.Index("ix_jobs_finished", "finished"),
    sqlite_autoincrement=True,
)

job_events = sa.Table(
    "job_events",
    metadata,
    # Numbered within the job: a number that all jobs shared would tell a tenant how busy the others are.
    sa.Column("job", sa.Text, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("progress", sa.Double, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

_waiting = sa.text("waiting")
_waiting_sqlite = sa.text("waiting = 1")  # as SQLAlchemy writes the condition there

# Whose turn it is: without this, finding the tenant served longest ago would read every queued job.
job_turns = sa.Table(
    "job_turns",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
    sa.Column("served", sa.BigInteger, nullable=False),
    sa.Column("waiting", sa.Boolean, nullable=False),
    # The oldest queued job, which settles turns between tenants that were never served.
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Index(
        "ix_job_turns_waiting",
        "served",
        "since",
        "tenant",
        sqlite_where=_waiting_sqlite,
        postgresql_where=_waiting,
    ),
    sa.Index("ix_job_turns_served", "served"),
)

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("every_seconds", sa.Integer, nullable=False),
    sa.Column("offset_seconds", sa.Integer, nullable=False),
    sa.Column("next_due", sa.Double, nullable=False),
    sa.Index("ix_schedules_next_due", "next_due"),
)

deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
    sa.Column("runtime", sa.Text, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["tenant", "model"], ["models.tenant", "models.name"]),
)

version_tags = sa.Table(
    "version_tags",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("tags", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant", "model", "number"], ["versions.tenant", "versions.model", "versions.number"]
    ),
)

version_exports = sa.Table(
    "version_exports",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant", "model", "number"], ["versions.tenant", "versions.model", "versions.number"]
    ),
)

# The platform's rules: one row, whose number is PLATFORM.
platform_rules = sa.Table(
    "platform_rules",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
)
PLATFORM = 1

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

quotas = sa.Table(
    "quotas",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

rollouts = sa.Table(
    "rollouts",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("ended", sa.Double),
    sa.Column("body", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["tenant", "model"], ["models.tenant", "models.name"]),
    sa.Index("ix_rollouts_tenant_model_seq", "tenant", "model", "seq"),
    # One running rollout a model: two would share its traffic, and neither would know the other's arm.
    sa.Index(
        "uq_rollouts_running",
        "tenant",
        "model",
        unique=True,
        sqlite_where=_running,
        postgresql_where=_running,
    ),
    sqlite_autoincrement=True,
)

# Segments whose observations are in the rollouts' records already.
rollout_folds = sa.Table(
    "rollout_folds",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index("ix_rollout_folds_at", "at"),
)

# Requests whose reward is in a rollout's record already.
rollout_rewards = sa.Table(
    "rollout_rewards",
    metadata,
    sa.Column("rollout", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True),
    sa.Column("request", sa.Text, primary_key=True),
)
