"""Orders say whether they only reduce, and whether they may trade in extended hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; no order of before was of either kind."""
    whole = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    for name in ("reduce_only", "extended_hours"):
        column = sa.Column(name, whole, nullable=False, server_default=sa.text("0"))
        op.add_column("orders", column)


def downgrade() -> None:
    """Refuse: a gateway does not go back to an older schema."""
    raise NotImplementedError("an older gateway refuses this schema")
