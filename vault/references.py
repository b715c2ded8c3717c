"""Where a secret is, written as settings and manifests may show it: never the secret itself.

| written | meant |
|---|---|
| `vault://MOUNT/PATH#KEY` | a field of a KV version 2 document, as it is now |
| `vault://MOUNT/PATH@VERSION#KEY` | the same field of one version, for ever |
| `env://NAME` | a variable of the process's environment |
| `file:///PATH` | a file, by its absolute path |

Each secret has one spelling, so that two references are equal exactly if they read the same. The
mount is the first segment, so a mount with a slash in its name cannot be written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from vault.errors import ProviderError

REFERENCE_MAX: Final = 512
"""Characters of a whole reference; all are printable."""
VERSION_MAX: Final = 2**31 - 1
_SEGMENT: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
_MOUNT: Final = re.compile(_SEGMENT)
_KEY: Final = _MOUNT
_PATH: Final = re.compile(rf"{_SEGMENT}(/{_SEGMENT}){{0,15}}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,9}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_FILE: Final = re.compile(r"(/(?!\.{1,2}(/|$))[^/%?#\\]{1,255})+")
"""A path as the system has it. What looks as if a URL's rules held is refused."""
_FORMS: Final = (
    "write vault://MOUNT/PATH#KEY, vault://MOUNT/PATH@VERSION#KEY, env://NAME or file:///PATH; "
    "the secret itself never stands in a setting"
)


class Scheme(StrEnum):
    """What kind of place a secret is kept in."""

    VAULT = "vault"
    ENVIRONMENT = "env"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """One secret's place. There is none that could not have been parsed.

    Attributes:
        scheme: which provider knows it.
        name: the path inside of the mount, the variable's name, or the file's absolute path.
        mount: of a vault, the KV engine; otherwise empty.
        key: of a vault, the field of the document; otherwise empty.
        version: of a vault, the document's version from 1; None: whatever is newest.
    """

    scheme: Scheme
    name: str
    mount: str = ""
    key: str = ""
    version: int | None = None

    def __post_init__(self) -> None:
        if self.scheme is Scheme.VAULT:
            _check_document(self)
        else:
            _check_plain(self)
        if len(str(self)) > REFERENCE_MAX:
            _refuse(f"a reference is longer than {REFERENCE_MAX} characters")

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """Read a reference; `str` of the result is `text` again.

        Raises:
            ProviderError: `reference-malformed`. It says which rule was broken and does not
                repeat the text, which may be a secret in the wrong place.
        """
        if len(text) > REFERENCE_MAX:
            _refuse(f"a reference is longer than {REFERENCE_MAX} characters")
        scheme, found, rest = text.partition("://")
        if not found or scheme not in tuple(Scheme):
            _refuse("a reference begins with none of vault://, env:// and file://")
        if scheme != Scheme.VAULT:
            return cls(Scheme(scheme), rest)
        return cls._document(rest)

    @classmethod
    def _document(cls, rest: str) -> SecretRef:
        place, hash_sign, key = rest.partition("#")
        if not hash_sign:
            _refuse("a vault's reference names no field: there is no #KEY at its end")
        mount, _, path = place.partition("/")
        path, at_sign, version = path.partition("@")
        if at_sign and (_VERSION.fullmatch(version) is None or int(version) > VERSION_MAX):
            _refuse(f"a vault's reference has @, but no version from 1 to {VERSION_MAX} behind it")
        return cls(Scheme.VAULT, path, mount, key, int(version) if at_sign else None)

    def __str__(self) -> str:
        if self.scheme is not Scheme.VAULT:
            return f"{self.scheme}://{self.name}"
        at = "" if self.version is None else f"@{self.version}"
        return f"{self.scheme}://{self.mount}/{self.name}{at}#{self.key}"


def _check_document(reference: SecretRef) -> None:
    named = "segments of 1 to 64 of A-Z a-z 0-9 _ . -, none beginning with . or -"
    if _MOUNT.fullmatch(reference.mount) is None:
        _refuse(f"a vault's reference has no mount that is made of {named}")
    if _PATH.fullmatch(reference.name) is None:
        _refuse(f"a vault's reference has no path of 1 to 16 {named}")
    if _KEY.fullmatch(reference.key) is None:
        _refuse("a vault's reference has no field of 1 to 64 of A-Z a-z 0-9 _ . - behind its #")
    if reference.version is not None and not 1 <= reference.version <= VERSION_MAX:
        _refuse(f"a vault's reference has no version from 1 to {VERSION_MAX}")


def _check_plain(reference: SecretRef) -> None:
    if reference.mount or reference.key or reference.version is not None:
        _refuse("only a vault's reference has a mount, a field and a version")
    if reference.scheme is Scheme.ENVIRONMENT:
        if _NAME.fullmatch(reference.name) is None:
            _refuse("env:// is not followed by a name of 1 to 128 of A-Z a-z 0-9 _")
    elif not _is_path(reference.name):
        _refuse(
            "file:// is not followed by an absolute path of printable characters without "
            "% ? # \\, empty segments, . and .., or blanks at its end"
        )


def _is_path(name: str) -> bool:
    return _FILE.fullmatch(name) is not None and name.isprintable() and name == name.rstrip()


def _refuse(detail: str) -> NoReturn:
    raise ProviderError("reference-malformed", detail, _FORMS)
