"""A release as the one bundle that an OPA server takes: its Rego and its data, named as a whole.

The release's own Rego bundle leaves the data out, because the module and ``opa eval`` are given it
separately. A server has to hold both, and its answers must name both: so the bundle's revision is
the release's digest, which covers sources, module, data and OPA's version.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from typing import Final

from gateway.policy.release import DATA, Release, ReleaseError
from gateway.policy.sources import ROOT
from signing import canonical

_MANIFEST: Final = "/.manifest"
_DATA: Final = f"/{DATA}"
_REGO: Final = ".rego"
_UNPACKED_MAX_BYTES: Final = 32 * 1024 * 1024
_GZIP_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class ServerBundle:
    """The bytes of the bundle, their SHA-256, and the revision that its manifest carries."""

    data: bytes
    digest: str
    revision: str


def server_bundle(release: Release) -> ServerBundle:
    """Make the bundle; the same release gives the same archive.

    Its roots are the parts of the data and the rules: a server loads nothing beside them.

    Raises:
        ReleaseError: ``release-bundle``: the release's own bundle cannot be taken apart.
    """
    roots = sorted([*canonical.decode_object(release.data), ROOT])
    manifest = {"revision": release.digest, "roots": roots, "rego_version": 1}
    files = _sources(release.bundle) | {
        _DATA: release.data,
        _MANIFEST: canonical.encode(manifest),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o600
            archive.addfile(member, io.BytesIO(files[name]))
    data = gzip.compress(packed.getvalue(), _GZIP_LEVEL, mtime=0)
    return ServerBundle(data, canonical.digest(data), release.digest)


def _sources(bundle: bytes) -> dict[str, bytes]:
    """The Rego files of a bundle by name; its own data is empty and its manifest is replaced."""
    found: dict[str, bytes] = {}
    left = _UNPACKED_MAX_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as archive:
            for member in archive:
                if not member.isfile() or not member.name.endswith(_REGO):
                    continue
                file = archive.extractfile(member)
                assert file is not None, "a plain file has content"
                found[member.name] = file.read(left + 1)
                left -= len(found[member.name])
                if left < 0:
                    raise ReleaseError("release-bundle", "its bundle is too large", _REMEDY)
    except (tarfile.TarError, OSError, EOFError) as error:
        detail = f"its bundle cannot be unpacked: {error}"
        raise ReleaseError("release-bundle", detail, _REMEDY) from error
    return found


_REMEDY: Final = "fetch the release again, or build it anew: `writ policy build`"
