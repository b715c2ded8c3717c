"""The log, the tables that follow it and, where a server is shared, its one writer.

What version 0.1.0 made on SQLite is exactly this.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    _log()
    _orders()
    _rest()
    if op.get_context().dialect.name == "postgresql":
        _writer()


def downgrade() -> None:
    """Refuse: a log is not taken apart."""
    raise NotImplementedError("there is no schema before the first")


def _log() -> None:
    op.create_table(
        "entries",
        _whole("entry_index"),
        _text("kind"),
        _whole("at_us"),
        _text("decision_id", nullable=True),
        _text("order_id", nullable=True),
        _bytes("envelope"),
        _bytes("leaf_hash"),
        sa.PrimaryKeyConstraint("entry_index"),
        sqlite_strict=True,
    )
    _unique_where("one_decision", "entries", ["decision_id"], "kind = 'decision'")
    _unique_where("one_decision_per_order", "entries", ["order_id"], "kind = 'decision'")
    _unique_where("one_submission", "entries", ["decision_id"], "kind = 'submission'")
    op.create_table(
        "blobs",
        _text("sha256"),
        _whole("entry_index"),
        _bytes("content"),
        sa.ForeignKeyConstraint(["entry_index"], ["entries.entry_index"]),
        sa.PrimaryKeyConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_index("ix_blobs_entry_index", "blobs", ["entry_index"])
    op.create_table(
        "checkpoints",
        _whole("size"),
        _bytes("note"),
        sa.PrimaryKeyConstraint("size"),
        sqlite_strict=True,
    )


def _orders() -> None:
    op.create_table(
        "orders",
        _text("order_id"),
        _whole("number"),
        _text("decision_id"),
        _text("broker_client_id"),
        _text("account"),
        _text("principal"),
        _text("client_order_id"),
        _text("strategy_id"),
        _text("symbol"),
        _text("side"),
        _text("type"),
        _text("time_in_force"),
        _whole("qty"),
        _whole("qty_decimals"),
        _whole("price_decimals"),
        _whole("limit_price", nullable=True),
        _whole("stop_price", nullable=True),
        _whole("worst_price", nullable=True),
        _text("mode"),
        _text("label"),
        _whole("allow"),
        _text("failure"),
        _text("reasons"),
        _text("input_digest"),
        _text("release_digest"),
        _whole("market_us"),
        _text("status"),
        _whole("filled_qty"),
        _text("filled_value"),
        _whole("fee_micros"),
        _text("broker"),
        _text("broker_order_id"),
        _text("code"),
        sa.PrimaryKeyConstraint("order_id"),
        sa.UniqueConstraint("broker_client_id"),
        sa.UniqueConstraint("decision_id"),
        sa.UniqueConstraint("number"),
        sqlite_strict=True,
    )
    _unique_where(
        "one_client_order_id",
        "orders",
        ["principal", "client_order_id"],
        "client_order_id <> 'none'",
    )
    op.create_index("orders_of_account", "orders", ["account", "number"])
    op.create_table(
        "executions",
        _whole("entry_index"),
        _text("broker_client_id"),
        _text("execution_id"),
        _text("account"),
        sa.ForeignKeyConstraint(["entry_index"], ["entries.entry_index"]),
        sa.PrimaryKeyConstraint("entry_index"),
        sa.UniqueConstraint("broker_client_id", "execution_id"),
        sqlite_strict=True,
    )
    op.create_index("executions_of_account", "executions", ["account", "entry_index"])


def _rest() -> None:
    op.create_table(
        "claims",
        _text("principal"),
        _text("kind"),
        _text("key"),
        _text("request_digest"),
        _text("decision_id"),
        _text("order_id"),
        _whole("status"),
        sa.PrimaryKeyConstraint("principal", "kind", "key"),
        sqlite_strict=True,
    )
    op.create_table(
        "cursors",
        _text("name"),
        _whole("position"),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "meta",
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )


def _writer() -> None:
    op.create_table(
        "writer",
        _whole("one"),
        _whole("epoch"),
        _whole("number"),
        sa.CheckConstraint("one = 1", name="one_writer"),
        sa.PrimaryKeyConstraint("one"),
        info={"store": "postgresql"},
    )


def _whole(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # all that STRICT knows
    return sa.Column(name, kind, nullable=nullable, autoincrement=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _unique_where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)
