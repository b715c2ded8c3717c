"""Identifiers: made once, bounded, and those we send derived from those we signed."""

from __future__ import annotations

import base64
import hashlib


def new_id(prefix: str, wall_us: int, random: bytes) -> str:
    """A sortable id: prefix, 12 hex digits of the millisecond, 20 hex digits of randomness."""
    return f"{prefix}_{wall_us // 1000:012x}{random[:10].hex()}"


def broker_client_id(decision_id: str) -> str:
    """The id that a broker is given: derived from the decision, 29 characters of [a-z0-9-].

    Derivation, rather than a new random id, makes a second sending of the same decision carry
    the same id: a broker that deduplicates will refuse it, and settlement can find it.
    """
    digest = hashlib.sha256(b"writ broker client id v1\x00" + decision_id.encode()).digest()
    return "wr-" + base64.b32encode(digest[:16]).decode().rstrip("=").lower()
