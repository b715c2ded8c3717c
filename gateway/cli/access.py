"""`writ access`: hashed API keys and Admins' passkeys; a running gateway sees a change at once."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.api import passkey_file
from gateway.api.access import ENTROPY_BYTES, FILE_NAME, AccessFile, is_admin
from gateway.api.passkey_file import INVITATION_BYTES, INVITATION_LIFE_US, PasskeyFile
from gateway.api.roles import KeyScope, Role
from gateway.cli import exits, output
from gateway.domain.passkeys import PasskeyOrigin

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke API keys and passkeys.")

DataOption = Annotated[
    Path, typer.Option("--data", envvar="WRIT_DATA", help="The gateway's data folder.")
]
DEFAULT_DATA = Path("writ-data")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The principal, as it will stand in decisions.")],
    scope: Annotated[
        list[KeyScope] | None,
        typer.Option("--scope", help="What the key is for; may be repeated."),
    ] = None,
    role: Annotated[
        Role | None, typer.Option("--role", help="What the principal is, instead of scopes.")
    ] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Make a key and print it, once; only its hash is kept."""
    key = _file(data).add(
        name,
        scope or (),
        role=role or "",
        entropy=os.urandom(ENTROPY_BYTES),
        now_us=time.time_ns() // 1000,
    )
    purpose = f"as {role}" if role else f"for {', '.join(scope or ())}"
    output.note(f"key of {name} {purpose}; it is shown once and stored nowhere:")
    sys.stdout.write(key + "\n")


@app.command("list")
def list_keys(
    data: DataOption = DEFAULT_DATA, fmt: output.FormatOption = output.Format.TABLE
) -> None:
    """List the keys by id, revoked ones too; the keys themselves are not known."""
    found = [
        {
            "id": record.id,
            "name": record.name,
            "role": record.role or None,
            "scopes": " ".join(scope for scope in record.scopes if scope in record.rights),
            "added": _time(record.added_us),
            "revoked": _time(record.revoked_us) if record.revoked_us else None,
        }
        for record in _file(data).records()
    ]
    output.rows(found, ("id", "name", "role", "scopes", "added", "revoked"), fmt)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="A key's id, or a name: then all of its keys.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Revoke keys; they stop working with the next request."""
    for record in _file(data).revoke(key, now_us=time.time_ns() // 1000):
        output.note(f"revoked {record.id} of {record.name}")


@app.command()
def passkey(
    name: Annotated[str, typer.Argument(help="The Admin, as in the Admin's API key.")],
    data: DataOption = DEFAULT_DATA,
    origin: Annotated[
        str | None,
        typer.Option(envvar="WRIT_PASSKEY_ORIGIN", help="The gateway as browsers have it."),
    ] = None,
    revoke_all: Annotated[
        bool, typer.Option("--revoke", help="Revoke the Admin's passkeys instead.")
    ] = False,
) -> None:
    """Print a link where an Admin registers a passkey: good once, for ten minutes."""
    if revoke_all:
        count = _passkeys(data).revoke(name, now_us=time.time_ns() // 1000)
        output.note(f"revoked {count} of {name}; LIVE that one of them opened goes on")
        return
    if origin is None:
        raise exits.CommandError(
            "passkey-origin-unset",
            "without the gateway's address there is no link",
            "set WRIT_PASSKEY_ORIGIN as the gateway has it, or give --origin",
            exits.USAGE,
        )
    address = PasskeyOrigin.parse(origin).text
    if not is_admin(_file(data), name):
        raise exits.CommandError(
            "passkey-not-admin",
            f"{name} has no working API key of the scope admin",
            f"writ access add {name} --role admin",
            exits.USAGE,
        )
    token = _passkeys(data).invite(
        name, entropy=os.urandom(INVITATION_BYTES), now_us=time.time_ns() // 1000
    )
    minutes = INVITATION_LIFE_US // 60_000_000
    output.note(f"{name} opens this link within {minutes} minutes; it is good once:")
    sys.stdout.write(f"{address}/passkey#{token}\n")


@app.command()
def passkeys(
    data: DataOption = DEFAULT_DATA, fmt: output.FormatOption = output.Format.TABLE
) -> None:
    """List the registered passkeys, revoked ones too."""
    found = [
        {
            "credential_id": held.credential_id,
            "name": held.name,
            "used": held.sign_count,
            "added": _time(held.added_us),
            "revoked": _time(held.revoked_us) if held.revoked_us else None,
        }
        for held in _passkeys(data).held().passkeys.values()
    ]
    output.rows(found, ("credential_id", "name", "used", "added", "revoked"), fmt)


def _passkeys(data: Path) -> PasskeyFile:
    return PasskeyFile(data / passkey_file.FILE_NAME)


def _file(data: Path) -> AccessFile:
    return AccessFile(data / FILE_NAME)


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
