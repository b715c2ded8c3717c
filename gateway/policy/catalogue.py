"""What the controls mean, in words: from their METADATA, so that a denial can be explained.

A verdict has codes and integers only. The words are a built file of the release,
``catalogue.json``; it takes no part in any decision and is not covered by the descriptor. The log
keeps it beside the release all the same, so that an old denial is told in the words of its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast, get_type_hints

from gateway.domain.decision import Reason
from gateway.policy.release import Release, ReleaseError, read_file
from signing import canonical

CATALOGUE: Final = "catalogue.json"
VERSION: Final = 1
UNITS: Final = ("micros", "bps", "ms", "count", "e8", "e4", "price", "none")
"""Units of figures: money, hundredths of a percent, time, numbers, quantities at 8 decimals,
indices at 4, prices at the instrument's scale."""
SEVERITIES: Final = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class ControlText:
    """One control in words.

    ``fix103`` is the FIX order rejection reason, ``unit`` that of what is observed and of the
    limit that it is compared with, which is the first of ``limits``. ``facts`` are the paths of
    the input document that it reads, ``limits`` the names of the signed limits, ``remedy`` says
    what helps.
    """

    control: str
    title: str
    description: str
    severity: str
    owner: str
    regulation: tuple[str, ...]
    fix103: int
    unit: str
    facts: tuple[str, ...]
    limits: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All controls of a release by identifier, sorted."""

    revision: str
    controls: Mapping[str, ControlText]

    def explain(self, reasons: Iterable[Reason]) -> list[tuple[Reason, ControlText | None]]:
        """Each reason with its words; ``None`` for a control that the catalogue does not know."""
        return [(reason, self.controls.get(reason.control)) for reason in reasons]


_TYPES: Final = get_type_hints(ControlText)


def encode_catalogue(revision: str, controls: Iterable[ControlText]) -> bytes:
    """The bytes of ``catalogue.json``, canonical JSON sorted by control."""
    ordered = sorted(controls, key=lambda text: text.control)
    return canonical.encode(
        {"v": VERSION, "revision": revision, "controls": [asdict(text) for text in ordered]}
    )


def load_catalogue(directory: Path) -> Catalogue:
    """Read the catalogue of a release folder.

    Raises:
        ReleaseError: ``release-missing`` or ``release-malformed``.
    """
    path = directory / CATALOGUE
    data = read_file(path)
    try:
        return decode_catalogue(data)
    except ValueError as error:
        raise ReleaseError(
            "release-malformed",
            f"{path} is malformed: {error}",
            "build the release anew: `writ policy build`",
        ) from error


def catalogue_of(release: Release, directory: Path) -> Catalogue:
    """The words of a release that was read from the same folder.

    Raises:
        ReleaseError: as :func:`load_catalogue`, or they are those of other rules.
    """
    catalogue = load_catalogue(directory)
    if catalogue.revision != release.revision:
        raise ReleaseError(
            "release-malformed",
            f"{directory / CATALOGUE} is that of other rules",
            "fetch the release again, or build it anew: `writ policy build`",
        )
    return catalogue


def decode_catalogue(data: bytes) -> Catalogue:
    """Read the bytes of a ``catalogue.json``.

    Raises:
        ValueError: they are no catalogue of this version.
    """
    try:
        return _catalogue(canonical.decode_object(data))
    except (canonical.CanonicalError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def _catalogue(document: Mapping[str, Any]) -> Catalogue:
    if set(document) != {"v", "revision", "controls"} or document["v"] != VERSION:
        raise ValueError(f"not a catalogue of version {VERSION}")
    texts = [_text(entry) for entry in document["controls"]]
    return Catalogue(
        str(document["revision"]), MappingProxyType({text.control: text for text in texts})
    )


def _text(entry: Mapping[str, Any]) -> ControlText:
    names = [field.name for field in fields(ControlText)]
    if set(entry) != set(names):
        raise ValueError("a control has missing or unknown fields")
    values = {name: _value(name, entry[name]) for name in names}
    return ControlText(**values)


def _value(name: str, value: object) -> Any:  # noqa: ANN401  the field's own type, checked here
    kind = _TYPES[name]
    if kind in (str, int):
        if type(value) is not kind:
            raise ValueError(f"{name} is not of its type")
        return value
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(item, str) for item in items):
        raise ValueError(f"{name} is not a list of texts")
    return tuple(items)
