"""Overrides: one order, one control, one day, one encoding."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.canonical import encode
from signing.envelope import seal
from signing.keys import Vkey
from signing.override import (
    LIFETIME_MAX_US,
    OVERRIDE_BYTES_MAX,
    Override,
    OverrideError,
    read_override,
    sign_override,
)
from support.logs import seeded

pytestmark = pytest.mark.requirement("S4-04")

OFFICER = seeded(4)
VKEY = Vkey("writ.local/log", seeded(3).public)
NOW_US = 1_790_000_000_000_000
OVERRIDE = Override(
    override_id="ovr_" + "0a" * 16,
    control="REG-01",
    log=str(VKEY),
    mode="PAPER",
    account="primary",
    symbol="AAPL",
    side="buy",
    qty="10",
    client_order_id="c-1",
    principal="*",
    created_us=NOW_US,
    expires_us=NOW_US + LIFETIME_MAX_US,
    by="carol",
    reason="a hedge that was agreed on",
)
TEXT = sign_override(OVERRIDE, OFFICER)


@pytest.mark.parametrize("end", ["", "\n"])
def test_it_reads_what_was_signed(end: str) -> None:
    found = read_override(TEXT + end)
    assert found.override == OVERRIDE
    assert found.signed_by(OFFICER.public)
    assert not found.signed_by(seeded(5).public)
    assert len(TEXT) < OVERRIDE_BYTES_MAX


@pytest.mark.parametrize(
    "wrong",
    [
        {"override_id": "ovr_1"},
        {"control": "reg-01"},
        {"control": "*"},
        {"log": ""},
        {"log": "*"},
        {"log": "writ.local/log"},
        {"log": f"{VKEY}\n"},
        {"log": str(VKEY).replace("local", "other")},
        {"mode": ""},
        {"mode": "*"},
        {"mode": "paper"},
        {"account": "*"},
        {"account": ""},
        {"symbol": "aapl"},
        {"symbol": "*"},
        {"side": "BUY"},
        {"side": "hold"},
        {"qty": "0"},
        {"qty": "0.00"},
        {"qty": "-1"},
        {"qty": "1e3"},
        {"qty": "01"},
        {"qty": "*"},
        {"client_order_id": ""},
        {"client_order_id": "a b"},
        {"principal": ""},
        {"expires_us": NOW_US},
        {"expires_us": NOW_US - 1},
        {"expires_us": NOW_US + LIFETIME_MAX_US + 1},
        {"created_us": -1},
        {"reason": ""},
        {"reason": "two\nlines"},
        {"reason": "x" * 201},
        {"by": "carol the officer"},
    ],
)
def test_fields_that_no_override_has_are_neither_signed_nor_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(OverrideError):
        sign_override(replace(OVERRIDE, **wrong), OFFICER)
    with pytest.raises(OverrideError):
        read_override(seal("override", asdict(OVERRIDE) | wrong, OFFICER).decode())


def test_a_field_more_or_less_is_refused() -> None:
    fields = asdict(OVERRIDE)
    with pytest.raises(OverrideError):
        read_override(seal("override", fields | {"limit": 5}, OFFICER).decode())
    for name in fields:
        rest = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(OverrideError, match=name):
            read_override(seal("override", rest, OFFICER).decode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        TEXT[:-1],
        " " + TEXT,
        TEXT + "\n\n",
        json.dumps(json.loads(TEXT)),
        "\ud800",
        seal("halt", asdict(OVERRIDE), OFFICER).decode(),
        "x" * (OVERRIDE_BYTES_MAX + 1),
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(OverrideError):
        read_override(text)


def test_a_reason_in_any_script_is_kept() -> None:
    override = replace(OVERRIDE, reason="Absicherung für Ω – 合意済み")
    assert read_override(sign_override(override, OFFICER)).override == override
    with pytest.raises(OverrideError):
        sign_override(replace(OVERRIDE, reason="\ud800"), OFFICER)


@given(st.data())
def test_nobody_changes_a_signed_override(data: st.DataObject) -> None:
    """Whatever field is changed under the signature, it is refused or nobody's."""
    outer = json.loads(TEXT)
    fields = asdict(OVERRIDE)
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(st.one_of(st.integers(0, 2**53 - 1), st.text(max_size=20)))
    if fields == asdict(OVERRIDE):
        return
    outer["payload"] = json.loads(seal("override", fields, seeded(9)))["payload"]
    try:
        found = read_override(encode(outer).decode())
    except OverrideError:
        return
    assert not found.signed_by(OFFICER.public)
