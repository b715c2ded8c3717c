"""A log that says of a day what cannot have happened does not verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signing.verify import verify_log
from support.logs import LogBuilder, day


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(("profit", "sound"), [(7, True), (8, False)])
def test_the_profit_of_a_day_follows_from_the_log(
    tmp_path: Path, profit: int, *, sound: bool
) -> None:
    log = LogBuilder(tmp_path / "log")
    log.begin()
    first = day()
    log.add("day", first)
    equity = first["equity_micros"] + 7
    closed: dict[str, Any] = {"session": first["session"], "equity_micros": equity}
    closed |= {"profit_micros": profit, "fees_micros": 0}
    log.add("day", {**first, "session": "2015-08-21", "equity_micros": equity, "closed": closed})
    log.publish()
    assert verify_log(log.directory, log.vkey).ok is sound
