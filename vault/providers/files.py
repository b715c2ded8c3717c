"""Secrets in files: mounted by Kubernetes, a vault's agent or systemd, or written by hand.

A file is read anew each time, so that rotation is an exchange of the file. What lies on a disk is
refused for LIVE: a secret that is injected at run time lies in memory, and leaves nothing behind
in backups and on disks that are thrown away.
"""

from __future__ import annotations

import os
from pathlib import Path

from vault.errors import ProviderError
from vault.private_files import read_private
from vault.references import Scheme, SecretRef
from vault.secret import SECRET_BYTES_MAX, Moment, Provenance, Secret


class FileProvider:
    """Answers `file:///PATH`: the secret alone, and perhaps one newline that is no part of it."""

    scheme = Scheme.FILE

    def fetch(self, reference: SecretRef, now: Moment) -> Secret:
        """Read a file.

        Raises:
            ProviderError: `secret-malformed`, or as `vault.private_files.read_private`.
        """
        file = read_private(Path(reference.name), SECRET_BYTES_MAX + len(b"\r\n"))
        unfit = None if file.in_memory else "the file lies on a disk, where it outlives the process"
        provenance = Provenance(reference, now, file.version, unfit_for_live=unfit)
        return Secret(_text(file.data), provenance)

    def trouble(self, now: Moment) -> ProviderError | None:  # noqa: ARG002  # the port's
        """Never any: each file is asked for itself."""
        return None


def read_file(path: Path, now: Moment) -> Secret:
    """The secret in a file that a setting names by its path, which may be relative.

    Raises:
        ProviderError: as `FileProvider.fetch`; `reference-malformed` if no reference can name it.
    """
    # The links on the way stay: where secrets are mounted, they are what a rotation exchanges.
    reference = SecretRef(Scheme.FILE, os.path.normpath(path.absolute()))
    return FileProvider().fetch(reference, now)


def _text(data: bytes) -> str:
    """Decode without an exception, which would hold the secret; `Secret` refuses the rest."""
    line = data.removesuffix(b"\n")
    if line != data:
        line = line.removesuffix(b"\r")
    return line.decode("utf-8", "surrogateescape")
