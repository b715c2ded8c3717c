"""The report as one HTML page that needs nothing else: tables, and a chart drawn in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any, Final

from gateway.policy.impact.judge import ALLOW_TO_DENY, DENY_TO_ALLOW
from gateway.policy.impact.tally import DIMENSIONS, Impact

FLIPS_SHOWN_MAX: Final = 500
_BARS_MAX: Final = 240
_WIDTH: Final = 960
_HEIGHT: Final = 220
_MIDDLE: Final = _HEIGHT // 2
_MICRO_DECIMALS: Final = 6

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;
color:#1b1f24;background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #d9dee3;overflow-wrap:anywhere}td.n,th.n{text-align:right;
font-variant-numeric:tabular-nums}svg{width:100%;height:auto;border:1px solid #d9dee3}
.lost{fill:#b42318}.gained{fill:#1a7f37}.note{color:#57606a}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}
th,td,svg{border-color:#30363d}.note{color:#9da7b1}}
"""


_FIRST_ORDER: Final = (
    "<p class=note>First-order: each order was decided on the facts as they were recorded,"
    " which earlier decisions had shaped. Only a flip that is the first of its scope is"
    " certain; what follows it might have been decided on other facts.</p>"
)


def page(impact: Impact, candidate: Mapping[str, str], log: Mapping[str, str]) -> str:
    """Draw the report.

    Args:
        impact: what was found.
        candidate: what to say of the candidate, by name.
        log: what to say of the log, by name.
    """
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>Impact of {escape(candidate['revision'])}</title><style>{_STYLE}</style>",
        "<h1>What the candidate would have changed</h1>",
        _table(("candidate", ""), [*candidate.items(), *log.items()]),
        "<h2>In all</h2>",
        _table(("", "decisions"), list(impact.outcomes.items())),
        _notional_line(impact),
        _FIRST_ORDER,
        "<h2>Flips by session</h2>",
        _chart(impact),
    ]
    for dimension in DIMENSIONS[:-1]:
        rows = [
            (name, row[ALLOW_TO_DENY], row[DENY_TO_ALLOW], *_notional(row))
            for name, row in sorted(impact.by[dimension].items())
        ]
        heads = (dimension, "allow → deny", "deny → allow", "lost", "gained")
        parts += [f"<h2>By {dimension}</h2>", _table(heads, rows)]
    parts += [*_undecidable(impact), *_flips(impact), "</html>"]
    return "\n".join(parts) + "\n"


def _notional_line(impact: Impact) -> str:
    return (
        f"<p>Notional lost {_money(impact.lost_micros)}, gained {_money(impact.gained_micros)}"
        f" in base currency; {impact.unpriced} flips had none.</p>"
    )


def _undecidable(impact: Impact) -> Iterable[str]:
    yield "<h2>Not to be decided</h2>"
    yield "<p>The candidate needs facts that were not recorded.</p>"
    yield _table(("fact", "decisions"), sorted(impact.undecidable_facts.items()))
    if impact.engine_failures:
        yield "<p>The candidate's engine gave no verdict.</p>"
        yield _table(("failure", "decisions"), sorted(impact.engine_failures.items()))
    if impact.unreadable or impact.damages:
        yield (
            f"<p>{impact.unreadable} documents are gone and {len(impact.damages)} entries are"
            " damaged: their decisions were left out.</p>"
        )


def _flips(impact: Impact) -> Iterable[str]:
    shown = impact.flips[:FLIPS_SHOWN_MAX]
    yield f"<h2>Flips, the first {len(shown)}</h2>"
    heads = ("decision", "flip", "account", "symbol", "side", "notional", "controls", "first in")
    rows = [
        (
            flip["decision_id"],
            flip["flip"],
            flip["account"],
            flip["symbol"],
            flip["side"],
            "-" if flip["notional_micros"] is None else _money(flip["notional_micros"]),
            " ".join(flip["controls"]),
            " ".join(flip["first_in"]),
        )
        for flip in shown
    ]
    yield _table(heads, rows)


def _chart(impact: Impact) -> str:
    """Bars of flips: allow to deny upwards, deny to allow downwards; sessions in order."""
    table = impact.by["session"]
    names = sorted(impact.sessions)
    step = max(1, -(-len(names) // _BARS_MAX))
    groups = [names[at : at + step] for at in range(0, len(names), step)]
    bars = [_sums(table, group) for group in groups]
    tallest = max([1, *(max(lost, gained) for lost, gained in bars)])
    width = _WIDTH // max(1, len(bars))
    drawn = [
        _bar(number * width, width, counts, tallest, group)
        for number, (counts, group) in enumerate(zip(bars, groups, strict=True))
    ]
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role=img aria-label='flips by session'>"
        f"<line x1=0 x2={_WIDTH} y1={_MIDDLE} y2={_MIDDLE} stroke=currentColor />"
        f"{''.join(drawn)}</svg><p class=note>Above: allow → deny. Below: deny → allow."
        f" The tallest bar is {tallest}.</p>"
    )


def _bar(
    left: int, width: int, counts: tuple[int, int], tallest: int, sessions: Sequence[str]
) -> str:
    up, down = (count * (_MIDDLE - 10) // tallest for count in counts)
    named = escape(sessions[0] if len(sessions) == 1 else f"{sessions[0]} to {sessions[-1]}")
    thick = max(1, width - 1)
    return (
        f"<g><title>{named}: {counts[0]} lost, {counts[1]} gained</title>"
        f"<rect class=lost x={left} y={_MIDDLE - up} width={thick} height={up} />"
        f"<rect class=gained x={left} y={_MIDDLE} width={thick} height={down} /></g>"
    )


def _sums(table: Mapping[str, Mapping[str, int]], names: Sequence[str]) -> tuple[int, int]:
    rows = [table[name] for name in names if name in table]
    return sum(row[ALLOW_TO_DENY] for row in rows), sum(row[DENY_TO_ALLOW] for row in rows)


def _notional(row: Mapping[str, Any]) -> tuple[str, str]:
    return _money(row["lost_micros"]), _money(row["gained_micros"])


def _money(micros: int) -> str:
    return f"{Decimal(micros).scaleb(-_MICRO_DECIMALS):,.2f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    mark = " class=n" if isinstance(value, int) else ""
    return f"<td{mark}>{escape(str(value))}</td>"
