"""Reading the METADATA of the controls, and what is missing in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from gateway.domain.errors import InvalidInputError
from gateway.policy.catalogue import SEVERITIES, UNITS, ControlText
from gateway.policy.findings import Finding
from gateway.policy.opa_tool import run_opa

_CONTROLS: Final = ("data", "writ", "controls")
_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}-[0-9]{1,4}")
_CUSTOM: Final = {
    "id": str,
    "severity": str,
    "owner": str,
    "regulation": list,
    "fix103": int,
    "unit": str,
    "facts": list,
    "limits": list,
    "remedy": str,
}

Ref = tuple[str, ...]
"""A reference as its constant parts, such as ``input``, ``order``, ``qty``."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """A package with its METADATA block, as ``opa inspect`` reports it."""

    file: str
    package: Ref
    block: Mapping[str, Any]

    @property
    def is_control(self) -> bool:
        """Whether the package is one of ``writ.controls``."""
        return self.package[:-1] == _CONTROLS

    @property
    def custom(self) -> Mapping[str, Any]:
        """The ``custom`` part, empty if it is missing."""
        return self.block.get("custom") or {}

    @property
    def limits(self) -> frozenset[str]:
        """The limits that the package says it reads."""
        return frozenset(texts(self.custom.get("limits")))


def annotated_packages(opa: Path, staged: Path) -> list[Annotated]:
    """Every package of a staged tree that has a METADATA block, sorted by file.

    Raises:
        InvalidInputError: ``policy-sources`` when the Rego cannot be parsed.
    """
    report = opa_json(opa, staged, "inspect", "-a", "-f", "json", ".")
    found = [
        Annotated(
            entry["location"]["file"],
            tuple(part["value"] for part in entry["path"]),
            entry["annotations"],
        )
        for entry in report.get("annotations", ())
        if entry["annotations"].get("scope") in ("package", "subpackages")
    ]
    return sorted(found, key=lambda package: package.file)


def control_text(package: Annotated) -> ControlText:
    """The words of a control; only for a package that :func:`block_findings` is content with."""
    custom = package.custom
    return ControlText(
        control=custom["id"],
        title=package.block["title"],
        description=_one_line(package.block["description"]),
        severity=custom["severity"],
        owner=custom["owner"],
        regulation=tuple(custom["regulation"]),
        fix103=custom["fix103"],
        unit=custom["unit"],
        facts=tuple(custom["facts"]),
        limits=tuple(custom["limits"]),
        remedy=_one_line(custom["remedy"]),
    )


def block_findings(package: Annotated) -> list[Finding]:
    """What is missing or malformed in a control's METADATA block."""
    return [
        Finding(package.file, message, remedy)
        for message, remedy in (*_missing(package), *_unsuitable(package))
    ]


def _missing(package: Annotated) -> Iterator[tuple[str, str]]:
    """Parts that are not there, are of another type, or are unknown."""
    for name in ("title", "description", "related_resources"):
        if not package.block.get(name):
            yield f"METADATA has no {name}", f"write the {name}"
    for name, kind in _CUSTOM.items():
        value: object = package.custom.get(name)
        if type(value) is not kind or value == "":
            yield f"METADATA has no custom.{name} of type {kind.__name__}", f"write custom.{name}"
        elif kind is list and not _onlytexts(cast("list[object]", value)):
            yield f"custom.{name} has something other than texts", f"list texts in custom.{name}"
    for name in sorted(set(package.custom) - set(_CUSTOM)):
        yield f"METADATA has an unknown custom.{name}", "remove it or mend its name"


def _unsuitable(package: Annotated) -> Iterator[tuple[str, str]]:
    """Parts that are there and do not say what they must."""
    stem = Path(package.file).stem
    if package.package[-1] != stem or Path(package.file).parent.name != "controls":
        yield "the package is not named as its file", f"call it writ.controls.{stem}"
    if _ID.fullmatch(str(package.custom.get("id"))) is None:
        yield "custom.id is not of the form ABC-01", "choose a short code and a number"
    if package.custom.get("severity") not in SEVERITIES:
        yield "custom.severity is unknown", f"choose one of {', '.join(SEVERITIES)}"
    if package.custom.get("unit") not in UNITS:
        yield "custom.unit is unknown", f"choose one of {', '.join(UNITS)}"
    if not texts(package.custom.get("regulation")):
        yield "custom.regulation is empty", "name the rule, or write `house rule`"


def opa_json(opa: Path, cwd: Path, *arguments: str, given: str | None = None) -> dict[str, Any]:
    """What a run of ``opa`` prints, as JSON.

    Raises:
        InvalidInputError: ``policy-sources``: it ended with an error.
    """
    done = run_opa(opa, arguments, cwd=cwd, given=given)
    if done.status != 0:
        raise InvalidInputError("policy-sources", done.said, "mend the Rego that opa names")
    return cast("dict[str, Any]", json.loads(done.stdout))


def texts(value: object) -> list[str]:
    """The texts of a list; empty where it is none."""
    if not isinstance(value, list):
        return []
    return [item for item in cast("list[object]", value) if isinstance(item, str) and item]


def _onlytexts(items: list[object]) -> bool:
    return len(texts(items)) == len(items)


def _one_line(text: str) -> str:
    return " ".join(text.split())
