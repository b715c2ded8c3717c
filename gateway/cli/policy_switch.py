"""`writ policy switch` and `writ policy active`: which release a running gateway decides by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli import output
from gateway.cli.client import connect
from gateway.domain.errors import InvalidInputError

_FLIP_FIELDS: Final = ("decision_id", "was", "would_be", "controls")

DigestArgument = Annotated[
    str | None, typer.Argument(help="The release's digest, as `writ policy build` prints it.")
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--release", help="A release folder to take the digest from.", file_okay=False),
]


def active(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Show the release in force and what decides by it."""
    output.record(connect().get("/v1/policy/active"), fmt)


def switch(
    digest: DigestArgument = None,
    release: FolderOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Put the release in the gateway's release folder into force, without a restart.

    The folder is the gateway's own (WRIT_RELEASE); the digest says which release is meant to be
    there. A release that is damaged, does not fit, or fails a canary changes nothing.
    """
    answer = connect().post("/v1/policy/switch", {"digest": _digest(digest, release)})
    if fmt is output.Format.JSON:
        output.record(answer, fmt)
        return
    now: dict[str, Any] = answer["active"]
    output.record({"changed": answer["changed"], "previous": answer["previous_digest"], **now}, fmt)
    if not answer["changed"]:
        output.note("that release is in force already; nothing was changed")
        return
    output.note(
        f"{answer['canaries']} canaries denied, {answer['recorded']} recorded orders decided "
        f"again, orders waited {answer['paused_us']} us at the most"
    )
    removed = answer.get("controls_removed")  # a gateway of before does not tell
    if removed:
        output.note(f"no longer required: {', '.join(removed)}")
    if answer["flips"]:
        output.note("decided otherwise from now on:")
        output.rows([_flip(flip) for flip in answer["flips"]], _FLIP_FIELDS, fmt)


def _digest(digest: str | None, release: Path | None) -> str:
    """The digest that was typed, or that of the folder that was named."""
    if (digest is None) == (release is None):
        raise InvalidInputError(
            "argument-missing", "name one release", "give its digest, or --release FOLDER"
        )
    if release is None:
        return digest or ""
    from gateway.policy.release import load_release

    return load_release(release).digest


def _flip(flip: dict[str, Any]) -> dict[str, Any]:
    words = {True: "allowed", False: "denied"}
    return {
        "decision_id": flip["decision_id"],
        "was": words[flip["allowed"]],
        "would_be": words[flip["allows"]],
        "controls": " ".join(flip["controls"]),
    }
