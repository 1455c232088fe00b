"""The tables, as SQLAlchemy Core has them. Times are Unix seconds."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table

MAX_REASON = 512

metadata = MetaData()

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("call_id", String(128), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("dialect", String(32), nullable=False),
    Column("asked_model", String(512), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("model", String(512), nullable=False),
    Column("credential_id", String(128), nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("first_output_at", Float(53)),
    Column("finished_at", Float(53), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("reason", String(MAX_REASON), nullable=False),
    Column("status", Integer),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Index("attempts_call", "call_id", "seq"),
    Index("attempts_finished", "finished_at"),
    Index("attempts_owner", "owner", "finished_at"),
)
"""One candidate tried for a call. A call that a dead worker left may have the same `seq` again."""
