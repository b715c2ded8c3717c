"""Where else a new control must be named: registry, limits, schemas, shape of documents, fixtures.

Each edit takes a file's text and gives it back with a few lines more; nothing else in it changes.
An edit that does not find its place refuses, and then nothing is written at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from gateway.domain.errors import InvalidInputError
from gateway.policy.template import NewControl, description_of
from gateway.policy.yaml_tables import Table, YamlTableError, read_tables
from signing.units import write_value

_BOUND: Final = 2**53 - 1
_ENTRY: Final = re.compile(r'^\t"([A-Z0-9-]+)": "([a-z0-9_]+)",$', re.MULTILINE)
_SECTIONS_AT: Final = 2
"""Which argument of ``shape.closed`` names what may be absent."""


def registered(text: str) -> dict[str, str]:
    """The registry of ``main.rego``: names of the controls by identifier."""
    return dict(_ENTRY.findall(_registry(text)))


def with_registration(text: str, new: NewControl) -> str:
    """``main.rego`` with the control in its registry, in order."""
    registry = _registry(text)
    line = f'\t"{new.control}": "{new.name}",\n'
    later = next((m for m in _ENTRY.finditer(registry) if m[1] > new.control), None)
    at = later.start() if later else registry.rindex("}")
    return text.replace(registry, registry[:at] + line + registry[at:])


def _registry(text: str) -> str:
    found = re.search(r"^registry := \{\n.*?^\}", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else _lost("main.rego", "`registry := {`")


def described(schema: str, new: NewControl) -> dict[str, Any] | None:
    """What ``document.json`` says of the fact; ``None`` where it does not know it."""
    sections: dict[str, Any] = json.loads(schema)["properties"]
    return sections.get(new.section, {}).get("properties", {}).get(new.field)


def has_section(schema: str, section: str) -> bool:
    """Whether documents have such a section."""
    return section in json.loads(schema)["properties"]


def with_fact_described(schema: str, new: NewControl) -> str:
    """``document.json`` with the fact, which may be absent, and its section if that is new."""
    document: dict[str, Any] = json.loads(schema)
    section = document["properties"].setdefault(
        new.section,
        {
            "type": "object",
            "description": f"What {new.control} is proven from.",
            "additionalProperties": False,
            "properties": {},
            "required": [],
        },
    )
    kind = (
        {"type": "integer", "minimum": 0, "maximum": _BOUND} if new.limit else {"type": "boolean"}
    )
    if "properties" not in section:
        _lost("schemas/document.json", f"properties of {new.section}")
    section["properties"][new.field] = kind | {"description": description_of(new)}
    return _json(document)


def with_limit_described(schema: str, new: NewControl) -> str:
    """``schemas/limits.json`` with the limit, in order."""
    document: dict[str, Any] = json.loads(schema)
    limits: dict[str, Any] = document["definitions"]["table"]["properties"]
    most = "Least" if new.least else "Most"
    said = f"{most} of {new.fact} that {new.control} lets pass."
    kind = {"type": "integer", "minimum": 0, "maximum": _BOUND, "description": said}
    names = list(limits)
    at = next((at for at, name in enumerate(names) if name > new.limit), len(names))
    order = [*names[:at], new.limit, *names[at:]]
    known = limits | {new.limit: kind}
    document["definitions"]["table"]["properties"] = {name: known[name] for name in order}
    return _json(document)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def with_limit_of_zero(text: str, new: NewControl) -> str:
    """``limits.yaml`` with the limit in ``global``, zero, in order."""
    parts = new.parts
    assert parts is not None, "there is a limit"
    try:
        root = read_tables(text.encode())
    except YamlTableError as error:
        raise InvalidInputError("policy-limits", error.message, error.remedy) from error
    table, currency = root.values.get("global"), root.values.get("base_currency")
    if (
        not isinstance(table, Table)
        or not table.lines
        or currency is None
        or isinstance(currency, Table)
    ):
        return _lost("limits.yaml", "a global table with a line for each limit")
    lines = text.splitlines(keepends=True)
    first = lines[min(table.lines.values()) - 1]
    indent = first[: len(first) - len(first.lstrip())]
    later = [line for name, line in table.lines.items() if name > parts.bare]
    at = min(later) - 1 if later else max(table.lines.values())
    lines[at:at] = [f"{indent}{parts.bare}: {write_value(0, parts.unit, currency.text)}\n"]
    return "".join(lines)


def with_shape(text: str, new: NewControl, *, new_section: bool) -> str:
    """``well_formed.rego`` with the fact, which may be absent, and its section if that is new."""
    typed = f'\tshape.natural_or_absent(input.{new.section}, "{new.field}")\n'
    if not new.limit:
        typed = f'\tis_boolean(object.get(input.{new.section}, "{new.field}", false))\n'
    if not new_section:
        rule = _rule(text, f"input.{new.section},")
        optional = _optional(rule)
        if re.fullmatch(r"[a-z_]+", optional):  # a set with a name of its own
            named = re.search(rf"^{optional} := \{{.*?\}}", text, re.MULTILINE | re.DOTALL)
            if named is None:
                return _lost("well_formed.rego", f"the set {optional}")
            text = text.replace(named[0], _with_member(named[0], new.field))
            return text.replace(rule, rule[:-1] + typed + "}")
        wider = rule.replace(f"{optional},\n\t)", f"{_with_member(optional, new.field)},\n\t)")
        if wider == rule:
            wider = rule.replace(f"{optional})", f"{_with_member(optional, new.field)})")
        return text.replace(rule, wider[:-1] + typed + "}")
    proof = _rule(text, "input,")
    optional = _optional(proof)
    last = re.findall(r"^\t[a-z_]+_typed\n", proof, re.MULTILINE)[-1]
    wider = proof.replace(optional, _with_member(optional, new.section), 1)
    wider = wider.replace(last, f"{last}\t{new.section}_typed\n")
    rules = (
        f'\n{new.section}_typed if absent("{new.section}")\n\n'
        f"{new.section}_typed if {{\n"
        f'\tshape.closed(input.{new.section}, set(), {{"{new.field}"}})\n{typed}}}\n'
    )
    return (
        _with_fact_of_control(text.replace(proof, wider), new.section).rstrip("\n") + "\n" + rules
    )


def _with_fact_of_control(text: str, section: str) -> str:
    """The METADATA of the shape control, which reads every section."""
    return text.replace("#   facts:\n", f"#   facts:\n#     - {section}\n", 1)


def _rule(text: str, argument: str) -> str:
    """The rule that closes an object: its text up to the closing brace."""
    for found in re.finditer(r"^[a-z_]+ if \{\n.*?^\}", text, re.MULTILINE | re.DOTALL):
        if re.search(rf"shape\.closed\(\s*{re.escape(argument)}", found[0]):
            return found[0]
    return _lost("well_formed.rego", f"shape.closed({argument} …)")


def _optional(rule: str) -> str:
    """The third argument of ``shape.closed`` in a rule, as it is written."""
    start = rule.index("shape.closed(") + len("shape.closed(")
    arguments = list(_arguments(rule[start:]))
    return arguments[_SECTIONS_AT]


def _arguments(text: str) -> Iterator[str]:
    """The arguments of a call whose opening bracket stands just before."""
    depth, begin = 0, 0
    for at, sign in enumerate(text):
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and sign == ","):
            argument = text[begin:at].strip()
            begin = at + 1
            if argument:
                yield argument
        if depth < 0:
            return


def _with_member(members: str, name: str) -> str:
    """A set as it is written, with one member more."""
    if members == "set()":
        return f'{{"{name}"}}'
    start = members.index("{") + 1
    inside = re.match(r"\s*", members[start:])
    assert inside is not None, "blanks may be none"
    at = start + inside.end()
    return f'{members[:at]}"{name}", {members[at:]}'


def with_fixture(
    text: str, new: NewControl, *, new_fact: bool, new_section: bool, new_limit: bool
) -> str:
    """``fixtures_test.rego`` with a fact and a limit under which the fixture stays allowed."""
    value = "100" if new.limit else "true"
    if new_section:
        line = f'\n\t"{new.section}": {{"{new.field}": {value}}},'
        text = _after(text, "document := {", line)
    elif new_fact:
        opening = f'\n\t"{new.section}": {{'
        many = text.partition(opening)[2].startswith("\n")
        line = f'\n\t\t"{new.field}": {value},' if many else f'"{new.field}": {value}, '
        text = _after(text, opening, line)
    if new_limit:
        text = _after(text, "global_limits := {", f'\n\t"{new.limit}": 100,')
    return text


def _after(text: str, place: str, addition: str) -> str:
    before, found, behind = text.partition(place)
    return (
        before + found + addition + behind if found else _lost("fixtures_test.rego", place.strip())
    )


def _lost(file: str, what: str) -> str:
    raise InvalidInputError(
        "control-new", f"{file} has no {what}", "add the control by hand: docs/adding-a-control.md"
    )
