"""A release: policies and limits as one thing, named by the digest of its descriptor.

A release is a folder. ``release.json`` is the descriptor: canonical JSON with the digests of the
Rego bundle, the WebAssembly module and the data. What a decision names is the descriptor's own
digest, so that every byte an engine worked with is named by it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import policies
from gateway.domain.instrument import Instrument
from gateway.policy.release_data import DATA, Limits, ReleaseData, ReleaseError, parse_data
from signing import canonical

VERSION: Final = 1
DESCRIPTOR: Final = "release.json"
BUNDLE: Final = "bundle.tar.gz"
WASM: Final = "policy.wasm"

FILE_MAX_BYTES: Final = 32 * 1024 * 1024
"""The largest file of a release: about 10^5 instruments, each with limits of its own."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
LABEL: Final = re.compile(r"[a-z][a-z-]{0,31}")
"""What a label may be."""
_FIELDS: Final = {
    "revision": re.compile(r"r[0-9a-f]{16}"),
    "label": LABEL,
    "opa_version": re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}"),
    "bundle_sha256": _DIGEST,
    "wasm_sha256": _DIGEST,
    "data_sha256": _DIGEST,
}


@dataclass(frozen=True, slots=True)
class Release:
    """One release, every digest of it checked.

    ``revision`` names the Rego sources, ``label`` says what it is for (``shipped``,
    ``demonstration``), ``digest`` is the SHA-256 of ``descriptor`` and names it in decisions.
    ``parsed`` is ``data`` as read.
    """

    revision: str
    label: str
    opa_version: str
    digest: str
    bundle_digest: str
    wasm_digest: str
    data_digest: str
    descriptor: bytes
    bundle: bytes
    wasm: bytes
    data: bytes
    parsed: ReleaseData

    @property
    def limits(self) -> Limits:
        """The signed limits."""
        return self.parsed.limits

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The listed instruments by symbol."""
        return self.parsed.instruments


def shipped_directory() -> Path:
    """The folder of the release that comes with the sources, its limits all zero."""
    return Path(policies.__file__).parent / "release"


def shipped_release() -> Release:
    """The release that comes with the sources.

    Raises:
        ReleaseError: the installation is damaged.
    """
    return load_release(shipped_directory())


def release_folder(path: Path) -> Path:
    """The folder that a path leads to now: a link may be turned while its files are read.

    Raises:
        ReleaseError: ``release-missing``: links that lead back to themselves.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # the latter for a loop, before Python 3.13
        raise ReleaseError(
            "release-missing",
            f"{path} leads nowhere: {error}",
            "name a folder made by `writ policy build`",
        ) from error


def load_release(directory: Path) -> Release:
    """Read a release folder and check every digest and all of its data.

    Raises:
        ReleaseError: a file is missing, malformed, or not the one that the descriptor names.
    """
    descriptor = read_file(directory / DESCRIPTOR)
    fields = _descriptor_fields(descriptor, directory)
    bundle = _named(directory / BUNDLE, fields["bundle_sha256"])
    wasm = _named(directory / WASM, fields["wasm_sha256"])
    data = _named(directory / DATA, fields["data_sha256"])
    parsed = parse_data(data)
    return Release(
        revision=fields["revision"],
        label=fields["label"],
        opa_version=fields["opa_version"],
        digest=canonical.digest(descriptor),
        bundle_digest=fields["bundle_sha256"],
        wasm_digest=fields["wasm_sha256"],
        data_digest=fields["data_sha256"],
        descriptor=descriptor,
        bundle=bundle,
        wasm=wasm,
        data=data,
        parsed=parsed,
    )


def read_file(path: Path) -> bytes:
    """The bytes of one regular file of a release folder, bounded.

    Raises:
        ReleaseError: ``release-missing`` or ``release-malformed``.
    """
    try:
        with open(path, "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ReleaseError(
                    "release-missing", f"{path} is no regular file", "name a file, not a pipe"
                )
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ReleaseError(
            "release-missing",
            f"{path} cannot be read: {error.strerror}",
            "name a folder made by `writ policy build`",
        ) from error
    if len(data) > FILE_MAX_BYTES:
        raise ReleaseError(
            "release-malformed",
            f"{path} is larger than {FILE_MAX_BYTES} bytes",
            "build the release anew: `writ policy build`",
        )
    return data


def _at_once(path: str, flags: int) -> int:
    """Open without blocking: a pipe that nobody writes to would keep us waiting for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _named(path: Path, digest: str) -> bytes:
    data = read_file(path)
    if canonical.digest(data) != digest:
        raise ReleaseError(
            "release-digest",
            f"{path} is not the file that {DESCRIPTOR} names",
            "fetch the release again, or build it anew: `writ policy build`",
        )
    return data


def _descriptor_fields(descriptor: bytes, directory: Path) -> dict[str, str]:
    remedy = "fetch the release again, or build it anew: `writ policy build`"
    try:
        fields = canonical.decode_object(descriptor)
    except canonical.CanonicalError as error:
        raise ReleaseError("release-malformed", f"{directory}: {error}", remedy) from error
    version = fields.pop("v", None)
    if type(version) is not int or version != VERSION or set(fields) != set(_FIELDS):
        raise ReleaseError(
            "release-malformed", f"{directory}: {DESCRIPTOR} is not of version {VERSION}", remedy
        )
    for name, pattern in _FIELDS.items():
        value = fields[name]
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise ReleaseError("release-malformed", f"{directory}: {name} is malformed", remedy)
    return {name: str(value) for name, value in fields.items()}
