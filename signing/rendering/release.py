"""The files of a release, held against its descriptor, for people who have no gateway.

The descriptor names three files by their digests: the Rego bundle, the compiled rules and the
data. The catalogue, which says in words what each control is for, is named by no digest of it; it
counts only as what the release's maker says.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from signing.canonical import CanonicalError, JsonObject, decode_object, digest
from signing.shapes import (
    RecordError,
    Rule,
    boolean,
    integer,
    many,
    mapping,
    record,
    text,
)

DESCRIPTOR: Final = "release.json"
DATA: Final = "data.json"
CATALOGUE: Final = "catalogue.json"
BUNDLE: Final = "bundle.tar.gz"
WASM: Final = "policy.wasm"
FILES: Final = (DESCRIPTOR, DATA, CATALOGUE, BUNDLE, WASM)
"""The files of a release folder."""
GLOBAL: Final = "global"
SCOPES: Final = ("accounts", "strategies", "symbols")

_INSTRUMENTS_MAX: Final = 1_000_000
_CONTROLS_MAX: Final = 1_024
_RULE_FILES_MAX: Final = 10_000
_UNPACKED_BYTES_MAX: Final = 32 * 1024 * 1024
_HEX: Final = text(r"[0-9a-f]{64}", "64 lower-case hexadecimal digits")
_NAME: Final = text(r"[A-Za-z0-9_.:*/-]{1,64}", "a name")
_LINES: Final = text(r"[^\x00-\x08\x0b-\x1f\x7f]{0,4096}", "a text")
_DESCRIPTOR: Final = record(
    {
        "v": integer(1, 1),
        "revision": text(r"r[0-9a-f]{16}", "a revision"),
        "label": text(r"[a-z][a-z-]{0,31}", "a label"),
        "opa_version": text(r"[0-9]{1,4}(\.[0-9]{1,4}){2}", "a version"),
        "bundle_sha256": _HEX,
        "wasm_sha256": _HEX,
        "data_sha256": _HEX,
    }
)
_TABLE: Final = mapping(_NAME, integer(0), _CONTROLS_MAX)
_SCOPED: Final = mapping(_NAME, _TABLE, _INSTRUMENTS_MAX)


def _marked(path: str, value: object) -> None:
    """Accept true alone: a list is told by its names, so that none may stand there unmarked."""
    if value is not True:
        raise RecordError(path, "is not marked true")


_MARKS: Final = mapping(_NAME, _marked, _INSTRUMENTS_MAX)


def _any_fact(path: str, value: object) -> None:
    """Accept what an instrument or a control may say of itself: a number, a text, or texts."""
    if isinstance(value, list):
        many(_LINES, _CONTROLS_MAX)(path, cast("object", value))
    elif not isinstance(value, int):
        _LINES(path, value)


_FACTS: Final[Rule] = mapping(_NAME, _any_fact, 64)
_DATA: Final = record(
    {
        "base_currency": text(r"[A-Z]{3}", "a currency"),
        "limits": record({GLOBAL: _TABLE, **dict.fromkeys(SCOPES, _SCOPED)}),
        "instruments": mapping(_NAME, _FACTS, _INSTRUMENTS_MAX),
        "restricted": _MARKS,
        "permissions": mapping(
            _NAME,
            record({"principals": _MARKS, "classes": _MARKS, "extended_hours": boolean()}),
            _INSTRUMENTS_MAX,
        ),
    },
    {"compliance_symbols": _MARKS},  # a release of before there was such a list is without it
)
_CATALOGUE: Final = record(
    {
        "v": integer(1, 1),
        "revision": text(r"r[0-9a-f]{16}", "a revision"),
        "controls": many(_FACTS, _CONTROLS_MAX),
    }
)


class UnreadableReleaseError(ValueError):
    """Files that are not one whole release; nobody should sign for them."""


@dataclass(frozen=True, slots=True)
class ReleaseWords:
    """A release as people are told of it.

    Attributes:
        digest: the SHA-256 of its descriptor, which names it.
        limits_digest: the SHA-256 of its data.
        wasm_digest: the SHA-256 of its compiled rules.
        revision: names its rules.
        label: what it is for.
        opa_version: the version of OPA that compiled its rules.
        data: limits, instruments and lists, as decoded.
        controls: what each control says of itself, by identifier.
        rules: the digest of each file of its bundle, by its path.
    """

    digest: str
    limits_digest: str
    wasm_digest: str
    revision: str
    label: str
    opa_version: str
    data: JsonObject
    controls: Mapping[str, JsonObject]
    rules: Mapping[str, str]

    @property
    def currency(self) -> str:
        """The base currency of all its money."""
        return str(self.data["base_currency"])


def read_release(files: Mapping[str, bytes]) -> ReleaseWords:
    """Take the files of one release together.

    Args:
        files: the bytes of each of FILES, by its name.

    Raises:
        UnreadableReleaseError: a file is missing, is not what the descriptor names, or cannot be
            told in words.
    """
    for name in FILES:
        if name not in files:
            raise UnreadableReleaseError(f"the release has no {name}")
    descriptor = _decoded(files, DESCRIPTOR, _DESCRIPTOR)
    named = {BUNDLE: "bundle_sha256", WASM: "wasm_sha256", DATA: "data_sha256"}
    for name, field in named.items():
        if digest(files[name]) != descriptor[field]:
            raise UnreadableReleaseError(f"{name} is not the file that {DESCRIPTOR} names")
    catalogue = _decoded(files, CATALOGUE, _CATALOGUE)
    if catalogue["revision"] != descriptor["revision"]:
        raise UnreadableReleaseError(f"{CATALOGUE} is of another revision than the rules")
    return ReleaseWords(
        digest=digest(files[DESCRIPTOR]),
        limits_digest=descriptor["data_sha256"],
        wasm_digest=descriptor["wasm_sha256"],
        revision=descriptor["revision"],
        label=descriptor["label"],
        opa_version=descriptor["opa_version"],
        data=_decoded(files, DATA, _DATA),
        controls=_controls(catalogue),
        rules=_rules(files[BUNDLE]),
    )


def _decoded(files: Mapping[str, bytes], name: str, rule: Rule) -> JsonObject:
    try:
        found = decode_object(files[name])
        rule("", found)
    except (CanonicalError, RecordError) as error:
        raise UnreadableReleaseError(f"{name}: {error}") from error
    return found


def _controls(catalogue: JsonObject) -> dict[str, JsonObject]:
    controls: dict[str, Any] = {}
    for text_ in catalogue["controls"]:
        name = text_.get("control")
        if not isinstance(name, str) or not isinstance(text_.get("title"), str):
            raise UnreadableReleaseError(f"{CATALOGUE}: a control without its name or title")
        if name in controls or not isinstance(text_.get("limits", []), list):
            raise UnreadableReleaseError(f"{CATALOGUE}: {name} stands there twice, or is malformed")
        controls[name] = text_
    return controls


def _rules(bundle: bytes) -> dict[str, str]:
    """The digests of the files in a bundle; nothing is written anywhere."""
    found: dict[str, str] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as tar:
            for member in tar:
                size += member.size
                if size > _UNPACKED_BYTES_MAX or len(found) >= _RULE_FILES_MAX:
                    raise UnreadableReleaseError(f"{BUNDLE} is too large")
                file = tar.extractfile(member)
                if file is not None:
                    found[member.name.lstrip("/")] = digest(file.read())
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UnreadableReleaseError(f"{BUNDLE} cannot be taken apart: {error}") from error
    return found
