"""How models are deployed: rules, SLO classes, quotas, version tags, exports."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables; there is nothing in them, and what is missing has the settings of a fresh deployment."""
    _deployments()
    _versions()
    _platform()


def _deployments() -> None:
    """The settings of each model."""
    op.create_table(
        "deployments",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("runtime", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "model"], ["models.tenant", "models.name"], name="fk_deployments_tenant_model"
        ),
        sa.PrimaryKeyConstraint("tenant", "model", name="pk_deployments"),
    )


def _versions() -> None:
    """What may change about a version, which itself never does."""
    op.create_table(
        "version_tags",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "model", "number"],
            ["versions.tenant", "versions.model", "versions.number"],
            name="fk_version_tags_tenant_model_number",
        ),
        sa.PrimaryKeyConstraint("tenant", "model", "number", name="pk_version_tags"),
    )
    op.create_table(
        "version_exports",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "model", "number"],
            ["versions.tenant", "versions.model", "versions.number"],
            name="fk_version_exports_tenant_model_number",
        ),
        sa.PrimaryKeyConstraint("tenant", "model", "number", name="pk_version_exports"),
    )


def _platform() -> None:
    """What holds over all tenants, and what each may use."""
    op.create_table(
        "platform_rules",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_platform_rules"),
    )
    op.create_table(
        "policies",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_policies"),
    )
    op.create_table(
        "quotas",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name="fk_quotas_tenant"),
        sa.PrimaryKeyConstraint("tenant", name="pk_quotas"),
    )
