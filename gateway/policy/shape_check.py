"""Where a document leaves its schema, told by path: for people who wrote one by hand.

The rules decide by themselves whether a document is well formed (INP-01); this only explains. Of
JSON Schema it knows what the schemas of the policies use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import policies
from gateway.domain.errors import InvalidInputError

PROBLEMS_MAX: Final = 20
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
}
_SHOWN_MAX: Final = 48


def document_schema(source: Path | None = None) -> Mapping[str, Any]:
    """The schema of input documents: of a policies folder, or of the one that is installed.

    Raises:
        InvalidInputError: ``policy-data``: it cannot be read.
    """
    folder = Path(policies.__file__).parent if source is None else source
    path = folder / "schemas" / "document.json"
    try:
        return cast("Mapping[str, Any]", json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise InvalidInputError("policy-data", f"{path}: {error}", "mend the schema") from error


def problems(value: object, schema: Mapping[str, Any], path: str = "input") -> list[str]:
    """What does not fit, a line for each with its path, at most twenty."""
    found: list[str] = []
    for problem in _problems(value, schema, path):
        found.append(problem)
        if len(found) == PROBLEMS_MAX:
            break
    return found


def _problems(value: object, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if "anyOf" in schema:
        choices: list[Mapping[str, Any]] = schema["anyOf"]
        if not any(next(_problems(value, one, path), None) is None for one in choices):
            wanted = " or ".join(_wanted(one) for one in choices)
            yield f"{path}: {_shown(value)} is not {wanted}"
        return
    wanted = schema.get("type")
    if wanted is not None and not _is(value, str(wanted)):
        yield f"{path}: {_shown(value)} is not {_wanted(schema)}"
    elif isinstance(value, dict):
        yield from _object(cast("dict[str, object]", value), schema, path)
    elif isinstance(value, list):
        inner: Mapping[str, Any] = schema.get("items", {})
        for at, item in enumerate(cast("list[object]", value)):
            yield from _problems(item, inner, f"{path}[{at}]")
    else:
        yield from _scalar(value, schema, path)


def _object(value: dict[str, object], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    known: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in known:
            yield from _problems(item, known[name], f"{path}.{name}")
        elif isinstance(others, dict):
            yield from _problems(item, cast("dict[str, Any]", others), f"{path}.{name}")
        elif others is False:
            yield f"{path}.{name[:_SHOWN_MAX]} is unknown"
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name} is missing"


def _scalar(value: object, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {_shown(value)} is not {_wanted(schema)}"
    elif isinstance(value, str):
        length = len(value)
        if "pattern" in schema and re.search(schema["pattern"], value) is None:
            yield f"{path}: {_shown(value)} does not fit {schema['pattern']}"
        elif not schema.get("minLength", 0) <= length <= schema.get("maxLength", length):
            yield f"{path}: {_shown(value)} is too short or too long"
    elif type(value) is int:
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high:
            yield f"{path}: {value} is not from {low} to {high}"


def _is(value: object, wanted: str) -> bool:
    if wanted == "integer" and type(value) is bool:
        return False  # a truth value counts as a number in Python, and nowhere else
    kinds = _TYPES.get(wanted)
    return kinds is None or isinstance(value, kinds)


def _wanted(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = str(schema.get("type", "anything"))
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
