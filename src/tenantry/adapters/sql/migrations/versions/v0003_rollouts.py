"""Rollouts: canaries and shadows that end in a decision, and what was folded into them already."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables, empty."""
    _rollouts()
    op.create_table(
        "rollout_folds",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_rollout_folds"),
    )
    op.create_index("ix_rollout_folds_at", "rollout_folds", ["at"], unique=False)
    op.create_table(
        "rollout_rewards",
        sa.Column("rollout", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name="fk_rollout_rewards_rollout"),
        sa.PrimaryKeyConstraint("rollout", "request", name="pk_rollout_rewards"),
    )


def _rollouts() -> None:
    op.create_table(
        "rollouts",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "model"], ["models.tenant", "models.name"], name="fk_rollouts_tenant_model"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_rollouts"),
        sa.UniqueConstraint("id", name="uq_rollouts_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rollouts_tenant_model_seq", "rollouts", ["tenant", "model", "seq"], unique=False)
    op.create_index(
        "uq_rollouts_running",
        "rollouts",
        ["tenant", "model"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
