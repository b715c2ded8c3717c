"""The publisher's part: signed drafts are put into force, and what expires in days is renewed.

Anybody may do this who has the publisher's key. It decides nothing: what it puts into force is what
enough officers have signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.named_files import read_file
from gateway.cli.trust_folder import now_us, open_roots, refusals
from gateway.cli.trust_signing import open_signer
from signing.keys import Signer
from signing.rendering.units import instant
from signing.trust import (
    METADATA_BYTES_MAX,
    PUBLISH_DAYS,
    PUBLISH_DAYS_MAX,
    Draft,
    Repository,
    complete,
    publish,
)

PublisherOption = Annotated[
    Path | None, typer.Option("--publisher-key", help="The publisher's private key.")
]
DaysOption = Annotated[
    int,
    typer.Option("--days", min=1, max=PUBLISH_DAYS_MAX, help="How long before the next renewal."),
]
DAYS: Final = PUBLISH_DAYS

_NEXT: Final = {
    "targets": "the officers sign what is permitted: `writ manifest draft`",
    "risk": "a risk officer signs the overlays anew: `writ trust overlay --without-active`",
    "publish": "publish: `writ trust publish --publisher-key KEY`",
}


_SIGNED_BY_OFFICERS: Final = frozenset({"targets", "risk"})


def complete_draft(draft: Draft, trust: Path, root: Path | None, command: str) -> tuple[str, ...]:
    """Write a draft that enough officers have signed; what must follow before it holds.

    Raises:
        exits.CommandError: signatures are missing, or it no longer fits what stands.
    """
    if root is None:
        pinned = None
    else:
        pinned = read_file(root, METADATA_BYTES_MAX, command)
        open_roots(trust, root, command)
    with refusals():
        completed = complete(draft, Repository(trust), pinned, now_us())
    output.note(f"{completed.role} {completed.version} is signed and written")
    return completed.follows


def publisher(trust: Path, root: Path, key: Path, passphrase: Path | None) -> Signer:
    """Open the publisher's key.

    Raises:
        exits.CommandError: it cannot be opened, or the newest root names another one.
    """
    signer = open_signer(key, passphrase)
    if signer.public != open_roots(trust, root, "trust publish").roots.council.publisher:
        raise exits.CommandError(
            "publisher-other",
            "this is not the publisher's key that the newest root names",
            "use that key, or let the officers name this one: `writ trust rotate --publisher`",
            exits.DENIED,
        )
    return signer


def publish_all(trust: Path, root: Path, signer: Signer, days: int) -> dict[str, object]:
    """Sign snapshot and timestamp anew; what is in force then, for the screen.

    Raises:
        exits.CommandError: what would be published is refused.
    """
    opened = open_roots(trust, root, "trust publish")
    with refusals():
        state = publish(opened.repository, opened.pinned, signer, now_us(), days)
        for role in _SIGNED_BY_OFFICERS & state.versions.keys():
            newest = opened.repository.latest(role)
            if newest > state.versions[role]:
                output.note(
                    f"left out: {role} {newest} and what else in the folder too few have signed; "
                    "find out who put it there"
                )
    return {
        "timestamp": state.versions["timestamp"],
        "targets": state.versions["targets"],
        "names": ", ".join(sorted(state.targets)) or "nothing is permitted",
        "holds_until": instant(state.holds_until_us),
    }


def tell_next(follows: Sequence[str]) -> None:
    """Say what must be done before it holds."""
    for step in follows:
        output.note(f"next: {_NEXT[step]}")


def needed(path: Path | None, option: str) -> Path:
    """A path that this use of a command cannot do without.

    Raises:
        exits.CommandError: it was not given.
    """
    if path is None:
        raise exits.CommandError("usage", f"{option} is needed for this", "add it", exits.USAGE)
    return path
