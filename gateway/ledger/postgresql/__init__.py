"""The ledger in a PostgreSQL database: one writer by lock and epoch, several readers."""
