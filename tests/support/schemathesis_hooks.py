"""What the generator of requests cannot know by itself: how texts of our own formats look."""

from __future__ import annotations

from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies as st

PRINTABLE = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FF, categories=("L", "N", "P", "S")),
    min_size=1,
    max_size=200,
)
FIRST, LAST = datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2199-01-01")
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(datetime.isoformat)

schemathesis.openapi.format("printable-line", PRINTABLE)
schemathesis.openapi.format("date-time", INSTANTS)
