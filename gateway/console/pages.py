"""The pages and what they load, and the headers that hold a browser to exactly that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)
"""Of every page: nothing inline, nothing from elsewhere, in no frame, kept nowhere."""

_TYPES: Final = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is sent."""

    content: bytes
    media_type: str


def _read(name: str) -> Page:
    suffix = name[name.rindex(".") :]
    return Page(files("gateway.console").joinpath(name).read_bytes(), _TYPES[suffix])


_NAMES: Final = (
    "console.html",
    "console.js",
    "live.html",
    "passkey.html",
    "page.js",
    "page.css",
)
_PAGES: Final = {name: _read(name) for name in _NAMES}


def page(name: str) -> Page:
    """One of the pages; ``KeyError`` if there is none of that name."""
    return _PAGES[name]
