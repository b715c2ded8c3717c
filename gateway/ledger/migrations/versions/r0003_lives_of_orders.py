"""Orders say when they end, whose place they take, who takes theirs, and what is in question."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of no order of before was any of it said."""
    whole = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.add_column("orders", sa.Column("expires_us", whole, nullable=True))
    for name in ("replaces", "replaced_by", "anomaly"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("'none'"))
        op.add_column("orders", column)


def downgrade() -> None:
    """Refuse: a gateway does not go back to an older schema."""
    raise NotImplementedError("an older gateway refuses this schema")
