"""The files that people sign beside the rules, and the ``data.json`` that is made of them.

``limits/limits.yaml`` and the four ``lists/NAME.json`` (``LIST_NAMES``) of a policies folder.
A folder of one's own may hold any of the five, which then takes the place of the source's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from gateway.domain.errors import InvalidInputError
from gateway.policy.limits_file import Known, compile_limits
from gateway.policy.release import ReleaseError, read_file
from gateway.policy.release_data import parse_data
from signing import canonical

LIMITS: Final = Path("limits") / "limits.yaml"
LISTS: Final = Path("lists")
LIST_NAMES: Final = ("instruments", "restricted", "compliance_symbols", "permissions")
LIMITS_SCHEMA: Final = Path("schemas") / "limits.json"

_SHOWN_MAX: Final = 32
_REMEDY: Final = "mend the file"
_NOTHING: Final[dict[str, Any]] = {
    "base_currency": "USD",
    "limits": {"global": {}, "accounts": {}, "strategies": {}, "symbols": {}},
    "instruments": {},
    "restricted": {},
    "compliance_symbols": {},
    "permissions": {},
}
"""The data of a release that lists nothing: each list is read alone in its place."""


def release_data(source: Path, given: Path | None = None, limits: Path | None = None) -> bytes:
    """The ``data.json`` of a policies folder, canonical.

    Args:
        source: the policies folder.
        given: a folder whose limits and lists take the place of the source's, file by file.
        limits: one limits file that takes the place of both.

    Raises:
        InvalidInputError: ``policy-data`` or ``policy-limits``: a file is missing or malformed,
            or the given folder has none of the five.
        ReleaseError: ``release-data``: a value is out of range.
    """
    found = {} if given is None else _given_files(given)

    def chosen(inside: Path) -> Path:
        return found.get(inside.name, source / inside)

    lists = {name: list_file(chosen(LISTS / f"{name}.json"), name) for name in LIST_NAMES}
    known = Known(limit_names(source), qty_decimals(lists["instruments"]))
    return _encoded(lists | _limits(limits or chosen(LIMITS), known))


def data_over(base: bytes, given: Path, names: frozenset[str]) -> bytes:
    """A release's ``data.json`` with the files of a folder in the place of its parts.

    Args:
        base: the bytes of ``data.json``.
        given: a folder with any of the five files.
        names: the limits that there are (:func:`limit_names`).

    Raises:
        InvalidInputError: ``policy-data``, ``policy-limits``: a file is malformed, or none is.
        ReleaseError: ``release-data``: a value is out of range.
    """
    found = _given_files(given)
    parts = cast("dict[str, Any]", json.loads(base))
    for name in LIST_NAMES:
        if path := found.get(f"{name}.json"):
            parts[name] = list_file(path, name)
    if LIMITS.name in found:
        known = Known(names, qty_decimals(parts["instruments"]))
        parts |= _limits(found[LIMITS.name], known)
    return _encoded(parts)


def _given_files(given: Path) -> dict[str, Path]:
    """Those of the five files that a folder has, by name; with none of them it was mistaken."""
    names = (LIMITS.name, *(f"{name}.json" for name in LIST_NAMES))
    found = {name: given / name for name in names if (given / name).exists()}
    if not found:
        raise InvalidInputError(
            "policy-data", f"{given} holds none of {', '.join(names)}", "add one"
        )
    return found


def _limits(path: Path, known: Known) -> dict[str, object]:
    compiled = compile_limits(_read(path), str(path), known)
    return {"base_currency": compiled.base_currency, "limits": compiled.tables()}


def _encoded(document: dict[str, Any]) -> bytes:
    try:
        data = canonical.encode(document)
    except canonical.CanonicalError as error:
        raise InvalidInputError(
            "policy-data", f"limits or lists: {error}", "use integers below 2^53 and texts"
        ) from error
    parse_data(data)
    return data


def limit_names(source: Path) -> frozenset[str]:
    """The limits that a policies folder describes, by their compiled names.

    Raises:
        InvalidInputError: ``policy-data``: the schema of the limits cannot be read.
    """
    path = source / LIMITS_SCHEMA
    try:
        return frozenset(json_file(path)["definitions"]["table"]["properties"])
    except (KeyError, TypeError) as error:
        detail = f"{path}: there is no definitions.table.properties"
        raise InvalidInputError("policy-data", detail, _REMEDY) from error


def qty_decimals(instruments: object) -> Mapping[str, int]:
    """The scale of each instrument that has a sound one; the others are refused elsewhere."""
    listed = cast("dict[str, Any]", instruments) if isinstance(instruments, dict) else {}
    scales = {
        symbol: cast("dict[str, Any]", fields).get("qty_decimals")
        for symbol, fields in listed.items()
        if isinstance(fields, dict)
    }
    return {symbol: scale for symbol, scale in scales.items() if type(scale) is int}


def list_file(path: Path, name: str) -> Any:  # noqa: ANN401  JSON of the form that is checked
    """One list, sound by itself.

    Args:
        path: the file.
        name: one of ``LIST_NAMES``.

    Raises:
        InvalidInputError: ``policy-data``: it cannot be read, or is no such list.
    """
    value = json_file(path)
    try:
        parse_data(canonical.encode(_NOTHING | {name: value}))
    except (ReleaseError, canonical.CanonicalError) as error:
        said = error.detail if isinstance(error, ReleaseError) else str(error)
        detail = f"{path}: {said.removeprefix('data.json: ')}"
        raise InvalidInputError("policy-data", detail, f"see schemas/{name}.json") from error
    return value


def json_file(path: Path) -> Any:  # noqa: ANN401  JSON, checked by parse_data
    """A JSON file of people's; a name that stands twice is refused.

    Raises:
        InvalidInputError: ``policy-data``: it cannot be read, with the line where one is known.
    """
    data = _read(path)
    pairs: Callable[[list[tuple[str, object]]], dict[str, object]] = unique_members
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_float=_no_integer,
            parse_constant=_no_integer,
        )
    except json.JSONDecodeError as error:
        detail = f"{path}:{error.lineno}: {error.msg}"
        raise InvalidInputError("policy-data", detail, "mend this line of JSON") from error
    except RecursionError as error:
        detail = f"{path}: objects and lists lie too deep in each other"
        raise InvalidInputError("policy-data", detail, _REMEDY) from error
    except ValueError as error:
        raise InvalidInputError("policy-data", f"{path}: {error}", _REMEDY) from error


def _no_integer(text: str) -> NoReturn:
    raise ValueError(f"{text[:_SHOWN_MAX]} is no integer")


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except ReleaseError as error:
        raise InvalidInputError(
            "policy-data", error.detail, "name a file that can be read"
        ) from error


def unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object's members; of two by one name, people and programs read different ones.

    Raises:
        ValueError: a name stands there twice; said in at most 32 ASCII characters and escapes.
    """
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:_SHOWN_MAX]!a} stands there twice")
        found[name] = value
    return found
