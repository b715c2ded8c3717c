"""What alembic runs: it writes statements for one dialect, or compares a live database.

`gateway.ledger.schema` asks for statements and executes them itself. A developer who drafts a
revision hands in a connection (`config.attributes["connection"]`).
"""

from __future__ import annotations

from typing import Any

from alembic import context

from gateway.ledger.tables import LedgerTable

attributes: dict[Any, Any] = context.config.attributes

if context.is_offline_mode():
    # The ledger's writer brings the transaction.
    context.configure(
        dialect_name=attributes["dialect"],
        output_buffer=attributes["statements"],
        literal_binds=True,
        transactional_ddl=False,
    )
else:
    context.configure(connection=attributes["connection"], target_metadata=LedgerTable.metadata)
with context.begin_transaction():
    context.run_migrations()
