"""The ledger: the append-only signed log, its tables, its single writer and its publication."""
