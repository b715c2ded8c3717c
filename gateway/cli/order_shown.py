"""Orders, denials and the controls of a decision as the command line shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.cli import exits, output
from gateway.cli.client import ProblemError
from gateway.policy.arithmetic import Comparison

_CONTROLS: Final = ("control", "title", "proven", "arithmetic", "source")
_REASONS: Final = ("control", "title", "arithmetic", "source", "remedy", "regulation")
_REMEDIES: Final = ("control", "remedy", "regulation", "fix103")


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
    print_reasons(problem["reasons"], problem["base_currency"])


def denial(error: ProblemError) -> exits.CommandError:
    """The error to end with: one remedy where one control denies, and none that stands for many."""
    remedy = error.remedy
    if len(error.document["reasons"]) > 1:
        remedy = "each control above has its own remedy"
    return exits.CommandError(error.code, error.detail, remedy, error.exit_status)


def print_controls(
    controls: Sequence[Mapping[str, Any]], currency: str, document: Mapping[str, Any] | None
) -> None:
    """Every control of a decision, those that were not proven first.

    ``currency`` is the base currency, and ``document`` what was decided on; ``None`` when it is
    not known any more.
    """
    shown = [_in_words(control, currency, document) for control in controls]
    output.rows(shown, _CONTROLS, output.Format.TABLE)


def print_reasons(
    reasons: Sequence[Mapping[str, Any]],
    currency: str,
    document: Mapping[str, Any] | None = None,
) -> None:
    """The controls that were not proven, each with its remedy; nothing where there are none."""
    if reasons:
        shown = [_in_words(reason, currency, document) for reason in reasons]
        output.rows(shown, _REASONS, output.Format.TABLE)


def print_remedies(reasons: Sequence[Mapping[str, Any]]) -> None:
    """What to do about each control that was not proven; nothing where there are none."""
    if reasons:
        output.rows([_texts(reason) for reason in reasons], _REMEDIES, output.Format.TABLE)


def _in_words(
    control: Mapping[str, Any], currency: str, document: Mapping[str, Any] | None
) -> dict[str, Any]:
    compared = Comparison(
        passed=control["passed"],
        observed=control["observed"],
        limit=control["limit"],
        limit_name=control["limit_name"],
        unit=control["unit"],
        currency=currency,
        price_decimals=None if document is None else document["order"]["price_decimals"],
    )
    proven = "yes" if control["passed"] else "no"
    return {**_texts(control), "proven": proven, "arithmetic": compared.in_words()}


def _texts(control: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **control,
        "regulation": "; ".join(control["regulation"]),
        "remedy": " ".join(str(control["remedy"]).split()),
    }
