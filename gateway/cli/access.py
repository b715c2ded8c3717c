"""`writ access`: the file of hashed API keys; a running gateway sees a change at once."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.api.access import ENTROPY_BYTES, FILE_NAME, AccessFile, KeyScope
from gateway.cli import output

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke API keys.")

DataOption = Annotated[
    Path, typer.Option("--data", envvar="WRIT_DATA", help="The gateway's data folder.")
]
DEFAULT_DATA = Path("writ-data")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The principal, as it will stand in decisions.")],
    scope: Annotated[
        list[KeyScope], typer.Option("--scope", help="What the key is for; may be repeated.")
    ],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Make a key and print it, once; only its hash is kept."""
    key = _file(data).add(
        name, scope, entropy=os.urandom(ENTROPY_BYTES), now_us=time.time_ns() // 1000
    )
    output.note(f"key of {name} for {', '.join(scope)}; it is shown once and stored nowhere:")
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
            "scopes": " ".join(record.scopes),
            "added": _time(record.added_us),
            "revoked": _time(record.revoked_us) if record.revoked_us else None,
        }
        for record in _file(data).records()
    ]
    output.rows(found, ("id", "name", "scopes", "added", "revoked"), fmt)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="A key's id, or a name: then all of its keys.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Revoke keys; they stop working with the next request."""
    for record in _file(data).revoke(key, now_us=time.time_ns() // 1000):
        output.note(f"revoked {record.id} of {record.name}")


def _file(data: Path) -> AccessFile:
    return AccessFile(data / FILE_NAME)


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
