"""A manifest with the release that it permits: the whole of what officers sign together.

They are held against each other here, so that nobody reads the words of one release and signs for
another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from signing.manifest import NAME, Manifest, ManifestError, parse_manifest
from signing.rendering.change import REMOVED, TIGHTER, Change
from signing.rendering.manifest import account_words, manifest_changes
from signing.rendering.release import (
    GLOBAL,
    SCOPES,
    ReleaseWords,
    UnreadableReleaseError,
    read_release,
)
from signing.rendering.release_changes import release_changes

RELEASE_PREFIX: Final = "release/"
"""What the names of a release's files begin with among the trust root's targets."""


class UnreadablePermissionError(ValueError):
    """Files that do not permit one thing; nobody should sign for them."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What officers permit: a manifest, and the one release that it names."""

    manifest: Manifest
    release: ReleaseWords


def read_permission(files: Mapping[str, bytes]) -> Permission | None:
    """Take a permission out of the officers' targets; None where they permit nothing.

    Args:
        files: the bytes of each target, by its name.

    Raises:
        UnreadablePermissionError: a file that belongs to no permission, a manifest or a release
            that cannot be read, or a manifest that names another release.
    """
    release_files = {
        name.removeprefix(RELEASE_PREFIX): data
        for name, data in files.items()
        if name.startswith(RELEASE_PREFIX)
    }
    for name in files:
        if name != NAME and not name.startswith(RELEASE_PREFIX):
            raise UnreadablePermissionError(f"{name} is neither a manifest nor a release's")
    if NAME not in files:
        if release_files:
            raise UnreadablePermissionError("there is a release, and no manifest that names it")
        return None
    try:
        manifest, release = parse_manifest(files[NAME]), read_release(release_files)
    except (ManifestError, UnreadableReleaseError) as error:
        raise UnreadablePermissionError(str(error)) from error
    if manifest.release_digest != release.digest:
        raise UnreadablePermissionError("release_digest: the manifest names another release")
    if manifest.limits_digest != release.limits_digest:
        raise UnreadablePermissionError("limits_digest: the manifest names other limits")
    return Permission(manifest, release)


def permission_changes(old: Permission | None, new: Permission | None) -> list[Change]:
    """What signing `new` changes while `old` stands.

    Where nothing stands, every control and limit is told as new, because each of them is read for
    the first time. The manifest itself is read in full beside this (`manifest_words`).
    """
    if new is None:
        return _revoked(old)
    before = new.release if old is None else old.release
    if old is None or before.digest != new.release.digest:
        rules = release_changes(_NOTHING if old is None else before, new.release)
    else:
        rules = []
    if old is None:
        return rules
    currencies = old.release.currency, new.release.currency
    return [*manifest_changes(old.manifest, new.manifest, *currencies), *rules]


def succession_fault(old: Permission | None, new: Permission | None) -> str | None:
    """Why `new` may not follow `old`, whoever signs it; None where it may."""
    if old is None or new is None or new.manifest.epoch > old.manifest.epoch:
        return None
    if new.manifest == old.manifest:  # signed anew, by other officers or to lift an overlay
        return None
    return f"its epoch is {new.manifest.epoch}, and {old.manifest.epoch} stands: epochs only rise"


def _revoked(old: Permission | None) -> list[Change]:
    if old is None:
        return []
    accounts = old.manifest.accounts
    return [
        Change("mode", "mode", REMOVED, old.manifest.mode, effect=TIGHTER),
        *(
            Change("account", alias, REMOVED, account_words(accounts[alias]), effect=TIGHTER)
            for alias in sorted(accounts)
        ),
        Change("release", "release", REMOVED, old.manifest.release_digest),
    ]


_NOTHING: Final = ReleaseWords(
    digest="",
    limits_digest="",
    wasm_digest="",
    revision="",
    label="",
    opa_version="",
    data={
        "base_currency": "",
        "limits": {GLOBAL: {}, **{scope: {} for scope in SCOPES}},
        "instruments": {},
        "restricted": {},
        "permissions": {},
    },
    controls={},
    rules={},
)
"""The release of a gateway that has none."""
