"""The catalogue of controls for people and programs: Markdown, one HTML page, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from typing import Final

from gateway.policy.catalogue import Catalogue, ControlText

_FAMILIES: Final = (
    ("INP", "Input"),
    ("OMEGA", "Omega directives and halts"),
    ("APR", "Approval"),
    ("CMP", "Compliance"),
    ("PRM", "Permissions"),
    ("LST", "Lists"),
    ("PRV", "Provenance"),
    ("INS", "Instruments"),
    ("VEN", "Venues"),
    ("ORD", "The order"),
    ("MSG", "Messages"),
    ("DUP", "Duplicates"),
    ("REP", "Repeated execution"),
    ("SLF", "Self-match"),
    ("RPL", "Replace"),
    ("MKT", "Market data and hours"),
    ("RAT", "Exchange rates"),
    ("ACC", "The account"),
    ("POS", "Positions"),
    ("EXP", "Exposure"),
    ("MGN", "Margin"),
    ("SHT", "Short selling"),
    ("MOD", "Model health"),
    ("REG", "Regime"),
)
"""How the page is divided; a prefix that is not listed comes last under its own name."""

_UNITS: Final = {
    "micros": "money, in micros of the base currency",
    "bps": "basis points (0.01 %)",
    "ms": "milliseconds",
    "count": "a number",
    "e8": "a quantity at 8 decimals",
    "e4": "a figure at 4 decimals",
    "price": "a price at the instrument's scale",
    "none": "no figure",
}

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;
color:#1b1f24;background:#fff}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d9dee3}
dt{font-weight:600}dd{margin:0 0 .5rem 0}code{font-size:.92em}a{color:inherit}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}
th,td{border-color:#30363d}}
"""


def as_json(catalogue: Catalogue) -> str:
    """Every field of every control."""
    controls = [asdict(text) for text in catalogue.controls.values()]
    return json.dumps({"revision": catalogue.revision, "controls": controls}, indent=2) + "\n"


def markdown(catalogue: Catalogue) -> str:
    """A page for a repository: a table of all controls, then each of them."""
    lines = [
        "# Controls",
        "",
        "Every order must be proven by each of these controls; what cannot be read is not proven.",
        "This page is written by `writ policy catalogue`.",
        "",
        "| control | title | severity | regulation | FIX 103 |",
        "|---|---|---|---|---|",
    ]
    for _, controls in _families(catalogue):
        for text in controls:
            rules = "; ".join(text.regulation)
            link = f"[{text.control}](#{text.control.lower()})"
            lines.append(f"| {link} | {text.title} | {text.severity} | {rules} | {text.fix103} |")
    for family, controls in _families(catalogue):
        lines += ["", f"## {family}"]
        for text in controls:
            lines += ["", f"### {text.control}", "", f"**{text.title}.** {text.description}", ""]
            lines += [f"- **{name}**: {value}" for name, value in _details(text, "`", "`")]
    return "\n".join(lines) + "\n"


def html(catalogue: Catalogue) -> str:
    """The same as one page that needs nothing else."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>Controls of {escape(catalogue.revision)}</title><style>{_STYLE}</style>",
        f"<h1>Controls</h1><p>Revision <code>{escape(catalogue.revision)}</code>.",
        "Every order must be proven by each of these; what cannot be read is not proven.</p>",
        "<table><thead><tr><th>control<th>title<th>severity<th>regulation<th>FIX 103</tr></thead>",
        "<tbody>",
        *(_row(text) for _, controls in _families(catalogue) for text in controls),
        "</tbody></table>",
    ]
    for family, controls in _families(catalogue):
        parts.append(f"<h2>{escape(family)}</h2>")
        for text in controls:
            name = escape(text.control)
            parts.append(f"<h3 id={name}>{name} {escape(text.title)}</h3>")
            parts.append(f"<p>{escape(text.description)}</p><dl>")
            parts += [f"<dt>{n}<dd>{escape(v)}" for n, v in _details(text, "", "")]
            parts.append("</dl>")
    return "\n".join([*parts, "</html>"]) + "\n"


def _row(text: ControlText) -> str:
    name, rules = escape(text.control), escape("; ".join(text.regulation))
    cells = f"<td>{escape(text.title)}<td>{escape(text.severity)}<td>{rules}<td>{text.fix103}"
    return f"<tr><td><a href=#{name}>{name}</a>{cells}</tr>"


def _families(catalogue: Catalogue) -> Iterator[tuple[str, list[ControlText]]]:
    by_prefix: dict[str, list[ControlText]] = {}
    for control, text in sorted(catalogue.controls.items()):
        by_prefix.setdefault(control.partition("-")[0], []).append(text)
    for prefix, name in _FAMILIES:
        if prefix in by_prefix:
            yield name, by_prefix.pop(prefix)
    yield from by_prefix.items()


def _details(text: ControlText, left: str, right: str) -> Iterator[tuple[str, str]]:
    def named(items: tuple[str, ...]) -> str:
        return ", ".join(f"{left}{item}{right}" for item in items) or "none"

    yield "Facts", named(text.facts)
    yield "Limits", named(text.limits)
    yield "Unit", _UNITS[text.unit]
    yield "Regulation", "; ".join(text.regulation)
    yield "Owner", text.owner
    yield "When denied", text.remedy
