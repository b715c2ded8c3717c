"""Custody of keys and secrets. Imports nothing of the gateway."""
