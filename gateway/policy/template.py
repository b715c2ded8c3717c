"""A new control as text: its rule with METADATA, and a test that is longer than the rule."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from typing import Final

from gateway.domain.errors import InvalidInputError
from gateway.policy.catalogue import SEVERITIES
from signing.units import UNITS, LimitName, limit_name

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,47}")
_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}-[0-9]{1,4}")
_FACT: Final = re.compile(r"[a-z][a-z0-9_]{0,47}\.[a-z][a-z0-9_]{0,47}")
_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9 ,.()/-]*[A-Za-z0-9.()/])?")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""What YAML takes for a truth value or nothing, where it stands without quotes."""
_FIX103_MAX: Final = 99
_TEXT_MAX: Final = 1_000
REMEDY: Final = "Ask the risk officers, who sign the limits."
"""What helps who is denied, where nobody wrote anything better."""
_WIDTH: Final = 94


@dataclass(frozen=True, slots=True)
class NewControl:
    """What a new control is to be.

    Attributes:
        name: of the file and package, such as ``book_depth``.
        control: its identifier, such as ``MKT-09``.
        fact: the path of the one fact it proves its point from, such as ``market.depth_count``.
        limit: the compiled name of the limit that the fact is compared with; empty: the fact is a
            truth value and has to be true.
        title: a few words.
        description: what must be so; empty for a sentence about fact and limit.
        severity: one of critical, high, medium, low.
        owner: who answers for it.
        regulation: the rules that it comes from.
        fix103: the FIX order rejection reason.
        remedy: what helps somebody who was denied.
    """

    name: str
    control: str
    fact: str
    limit: str = ""
    title: str = ""
    description: str = ""
    severity: str = "high"
    owner: str = "risk"
    regulation: tuple[str, ...] = ("house rule",)
    fix103: int = 99
    remedy: str = REMEDY

    @property
    def section(self) -> str:
        """The section of the document that the fact stands in."""
        return self.fact.partition(".")[0]

    @property
    def field(self) -> str:
        """The fact's name in its section."""
        return self.fact.partition(".")[2]

    @property
    def least(self) -> bool:
        """Whether the limit is a minimum."""
        return "_min_" in self.limit

    @property
    def parts(self) -> LimitName | None:
        """The limit's name in two parts; ``None`` without a limit."""
        return limit_name(self.limit) if self.limit else None


def check_new(new: NewControl) -> None:
    """Refuse what could not become a control.

    Raises:
        InvalidInputError: ``control-new``: which part, and what it should be.
    """
    texts = (new.title, new.description, new.owner, new.remedy, *new.regulation)
    parts = new.parts
    unit_of_fact = limit_name(new.field)
    checks = (
        (_NAME.fullmatch(new.name), f"the name {new.name!r}", "use a-z, 0-9 and _"),
        (
            not new.name.endswith("_test"),
            f"the name {new.name!r}",
            "leave the ending _test to tests",
        ),
        (_ID.fullmatch(new.control), f"the id {new.control!r}", "write it like ABC-01"),
        (_FACT.fullmatch(new.fact), f"the fact {new.fact!r}", "write it as section.name"),
        (
            not new.limit or (parts and _NAME.fullmatch(new.limit) and _direction(new.limit)),
            f"the limit {new.limit!r}",
            f"name it like spread_max_bps, with max or min and a unit of {', '.join(UNITS)}",
        ),
        (
            not (parts and unit_of_fact) or parts.unit == unit_of_fact.unit,
            f"comparing {new.fact} with {new.limit}",
            "give fact and limit the same unit",
        ),
        (new.severity in SEVERITIES, f"the severity {new.severity!r}", ", ".join(SEVERITIES)),
        (0 <= new.fix103 <= _FIX103_MAX, f"the FIX reason {new.fix103}", "use 0 to 99"),
        (
            new.regulation and all(map(str.strip, new.regulation)),
            "an empty regulation",
            "name the rule",
        ),
        (
            bool(new.owner.strip() and new.remedy.strip()),
            "an empty owner or remedy",
            "say who, and what helps",
        ),
        (all(_is_text(text) for text in texts), "a text", "keep to printable characters, one line"),
    )
    for sound, what, remedy in checks:
        if not sound:
            raise InvalidInputError("control-new", f"{what} cannot be", remedy)


def _direction(name: str) -> bool:
    return ("_max_" in name) != ("_min_" in name)


def _is_text(text: str) -> bool:
    return len(text) <= _TEXT_MAX and text.isprintable()


def title_of(new: NewControl) -> str:
    """Its title, or its name as words."""
    return new.title.strip() or new.name.replace("_", " ").capitalize()


def description_of(new: NewControl) -> str:
    """Its description, or a true sentence about fact and limit."""
    if new.description.strip():
        return new.description
    if not new.limit:
        return f"{new.fact} must be known and true."
    return f"{new.fact} must be known, and {'at least' if new.least else 'within'} the limit."


def rule_text(new: NewControl) -> str:
    """The control: METADATA, package and proof."""
    parts = new.parts
    lines = [
        "# METADATA",
        f"# title: {_scalar(title_of(new))}",
        "# description: |",
        *_block(description_of(new), "#   "),
        "# related_resources:",
        "#   - description: How to add a control",
        "#     ref: docs/adding-a-control.md",
        "# custom:",
        f"#   id: {new.control}",
        f"#   severity: {new.severity}",
        f"#   owner: {_scalar(new.owner)}",
        "#   regulation:",
        *(f"#     - {_scalar(rule)}" for rule in new.regulation),
        f"#   fix103: {new.fix103}",
        f"#   unit: {parts.unit if parts else 'none'}",
        "#   facts:",
        f"#     - {new.fact}",
        *(("#   limits:", f"#     - {new.limit}") if parts else ("#   limits: []",)),
        "#   remedy: |",
        *_block(new.remedy, "#     "),
        "# schemas:",
        "#   - input: schema.document",
        f"package writ.controls.{new.name}",
        "",
    ]
    if parts is None:
        return "\n".join([*lines, f"proven if input.{new.fact} == true", ""])
    holds = "reaches" if new.least else "within"
    lines += [
        "import data.writ.lib.limits.effective as limits",
        "import data.writ.lib.num",
        "",
        f'limit := "{new.limit}"',
        "",
        f"observed := input.{new.fact}",
        "",
        f"proven if num.{holds}(observed, limits[limit])",
        "",
    ]
    return "\n".join(lines)


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _block(text: str, indent: str) -> list[str]:
    return [indent + line for line in textwrap.wrap(" ".join(text.split()), _WIDTH)]
