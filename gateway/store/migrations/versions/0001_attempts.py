"""Attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table of attempts."""
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("dialect", sa.String(32), nullable=False),
        sa.Column("asked_model", sa.String(512), nullable=False),
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("model", sa.String(512), nullable=False),
        sa.Column("credential_id", sa.String(128), nullable=False),
        sa.Column("started_at", sa.Float(53), nullable=False),
        sa.Column("first_output_at", sa.Float(53)),
        sa.Column("finished_at", sa.Float(53), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(512), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
    )
    op.create_index("attempts_call", "attempts", ["call_id", "seq"])
    op.create_index("attempts_finished", "attempts", ["finished_at"])
    op.create_index("attempts_owner", "attempts", ["owner", "finished_at"])
