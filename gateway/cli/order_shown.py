"""Orders, denials and the controls of a decision as the command line shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from gateway.cli import output

_CONTROLS: Final = ("control", "title", "proven", "observed", "limit", "source")
_REASONS: Final = ("control", "title", "observed", "limit", "source", "remedy", "regulation")
_REMEDIES: Final = ("control", "remedy", "regulation", "fix103")
_UNIT_DECIMALS: Final = {"micros": 6, "e8": 8, "e4": 4, "bps": 2, "ms": 3}
_UNIT_NAMES: Final = {"micros": "", "e8": "", "e4": "", "bps": "%", "ms": "s", "count": ""}


def print_order(order: Mapping[str, Any], fmt: output.Format) -> None:
    """An order as it stands; the table leaves out where more is to be read."""
    hidden = {"decision", "links", "requested"}
    output.record(order, fmt, fields=[name for name in order if name not in hidden])


def print_denial(problem: Mapping[str, Any], fmt: output.Format) -> None:
    """A denied proposal: what was recorded, and why it was denied."""
    if fmt is output.Format.JSON:
        output.record(problem, fmt)
        return
    output.record(problem, fmt, fields=("order_id", "decision_id", "index"))
    print_reasons(problem["reasons"])


def print_controls(
    controls: Sequence[Mapping[str, Any]], document: Mapping[str, Any] | None
) -> None:
    """Every control of a decision, those that were not proven first.

    ``document`` is what was decided on; ``None`` when it is not known any more.
    """
    shown = [_in_words(control, document) for control in controls]
    output.rows(shown, _CONTROLS, output.Format.TABLE)


def print_reasons(
    reasons: Sequence[Mapping[str, Any]], document: Mapping[str, Any] | None = None
) -> None:
    """The controls that were not proven, each with its remedy; nothing where there are none."""
    if reasons:
        shown = [_in_words(reason, document) for reason in reasons]
        output.rows(shown, _REASONS, output.Format.TABLE)


def print_remedies(reasons: Sequence[Mapping[str, Any]]) -> None:
    """What to do about each control that was not proven; nothing where there are none."""
    if reasons:
        shown = [_in_words(reason, None) for reason in reasons]
        output.rows(shown, _REMEDIES, output.Format.TABLE)


def _in_words(control: Mapping[str, Any], document: Mapping[str, Any] | None) -> dict[str, Any]:
    scale = None if document is None else document["order"]["price_decimals"]
    return {
        **control,
        "proven": "yes" if control["passed"] else "no",
        "observed": readable(control["observed"], control["unit"], scale),
        "limit": readable(control["limit"], control["unit"], scale),
        "regulation": "; ".join(control["regulation"]),
        "remedy": " ".join(str(control["remedy"]).split()),
    }


def readable(value: int | None, unit: str | None, price_decimals: int | None = None) -> str | None:
    """An integer of the record in the unit that people use: micros as money, bps as percent.

    A price whose scale is not known is shown as the integer that it is, and says so.
    """
    if value is None or unit is None:
        return None if value is None else str(value)
    if unit == "price":
        if price_decimals is None:
            return f"{value} (in the instrument's smallest unit)"
        return f"{Decimal(value).scaleb(-price_decimals):,f}"
    number = Decimal(value).scaleb(-_UNIT_DECIMALS.get(unit, 0))
    return f"{number:,f}{_UNIT_NAMES.get(unit, '')}"
