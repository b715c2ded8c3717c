"""Marked secrets, every form in which one could leave its place, and the search for them."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization

_TOKEN: Final = re.compile(rb"\b(?:hvs|hvb|s|b)\.[A-Za-z0-9]{24,}")
"""How the tokens of a vault look, those that nobody but the gateway has seen."""
_ALIGNMENTS: Final = 3


def forms(value: bytes) -> set[bytes]:
    """What a secret looks like plain, in hex, Base64 wherever it begins, an address, and JSON."""
    found = {value, value.hex().encode(), value.hex().upper().encode()}
    for skipped in range(_ALIGNMENTS):
        # Within a longer text its Base64 depends on where it begins; the edges are its company's.
        encoded = base64.b64encode(b"\0" * skipped + value).rstrip(b"=")
        inner = encoded[(skipped * 8 + 5) // 6 : -1]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    text = value.decode("latin-1")
    found |= {
        urllib.parse.quote(text, safe="").encode(),
        urllib.parse.quote_plus(text).encode(),
        json.dumps(text)[1:-1].encode(),
        json.dumps(json.dumps(text)[1:-1])[1:-1].encode(),
        text.replace("/", "\\/").encode("latin-1"),
        repr(text)[1:-1].encode("latin-1"),
    }
    return found


def key_forms(pem: str) -> set[bytes]:
    """The forms of a private key: of its PEM's lines, and of its bare 32 bytes."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    raw = key.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    lines = [line for line in pem.splitlines() if line and not line.startswith("-----")]
    return forms(raw).union(*(forms(line.encode()) for line in lines))


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret that was found where it has no business."""

    secret: str
    place: str


class Canaries:
    """The secrets that were planted, each by its name."""

    def __init__(self, planted: Mapping[str, str], keys: Mapping[str, str]) -> None:
        self._forms = {name: forms(value.encode()) for name, value in planted.items()}
        self._forms |= {name: key_forms(pem) for name, pem in keys.items()}

    def plant(self, name: str, value: str) -> None:
        """One more secret."""
        self._forms[name] = forms(value.encode())

    def leaks(
        self, places: Mapping[str, bytes], *, but: frozenset[str] = frozenset()
    ) -> Iterator[Leak]:
        """Every secret in every place, and whatever looks like a vault's token."""
        for place, data in places.items():
            for name, shapes in self._forms.items():
                if name not in but and any(shape in data for shape in shapes):
                    yield Leak(name, place)
            if _TOKEN.search(data):
                yield Leak("a vault's token", place)


def files_in(folder: Path, *, but: frozenset[Path] = frozenset()) -> dict[str, bytes]:
    """What every file below a folder holds, whatever its name; `but` names the secrets' own."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in but:
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found
