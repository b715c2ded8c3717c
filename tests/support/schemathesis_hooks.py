"""What the generator of requests cannot know by itself: how texts of our own formats look."""

from __future__ import annotations

from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies as st

from signing.keys import Ed25519Signer, Vkey
from signing.override import Override, sign_override

PRINTABLE = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FF, categories=("L", "N", "P", "S")),
    min_size=1,
    max_size=200,
)
FIRST, LAST = datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2199-01-01")
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(datetime.isoformat)

STRANGER = Ed25519Signer.from_seed(b"o" * 32)
"""Signs what can be read as an override and is worth nothing: no gateway knows the key."""


def _override(number: int, side: str, created_us: int) -> str:
    override = Override(
        override_id=f"ovr_{number:032x}",
        control="REG-01",
        log=str(Vkey("writ.local/log", STRANGER.public)),
        mode="SIMULATION",
        account="primary",
        symbol="AAPL",
        side=side,
        qty="10",
        client_order_id="generated",
        principal="*",
        created_us=created_us,
        expires_us=created_us + 1_000_000,
        by="a-stranger",
        reason="a generated request",
    )
    return sign_override(override, STRANGER)


OVERRIDES = st.builds(
    _override,
    st.integers(0, 2**128 - 1),
    st.sampled_from(["buy", "sell", "sell_short"]),
    st.integers(1, 4_000_000_000_000_000),
)

schemathesis.openapi.format("printable-line", PRINTABLE)
schemathesis.openapi.format("date-time", INSTANTS)
schemathesis.openapi.format("signed-override", OVERRIDES)
