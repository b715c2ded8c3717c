"""`writ policy opa-config`: everything that an OPA server beside a gateway is started with."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import output
from gateway.host import SystemClock
from gateway.policy.opa_server.endpoint import DEFAULT_URL, read_endpoint
from gateway.ports import moment

_TOKEN_BYTES = 32


def opa_config(
    url: Annotated[str, typer.Option("--url", help="The gateway, which serves the release.")],
    key_file: Annotated[
        Path, typer.Option("--key-file", help="File with an API key of scope policy:read.")
    ],
    token_file: Annotated[
        Path,
        typer.Option("--token-file", help="The token that the server asks for; made if missing."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the server's files.")] = Path(
        "opa"
    ),
    listen: Annotated[
        str, typer.Option("--listen", help="Where the server listens: the later WRIT_OPA_URL.")
    ] = DEFAULT_URL,
    diagnostic: Annotated[
        str | None,
        typer.Option("--diagnostic", help="HOST:PORT for health and metrics besides."),
    ] = None,
) -> None:
    """Write an OPA server's configuration, and print the command that starts it."""
    from gateway.policy.opa_server.setup import write_setup

    if not token_file.exists():
        _new_token(token_file)
        output.note(f"made a token in {token_file}")
    there = read_endpoint(listen, token_file, moment(SystemClock()))
    made = write_setup(out, gateway_url=url, key_file=key_file, at=there, diagnostic=diagnostic)
    output.note(f"wrote {made.config} and {made.authorization}; start the server with:")
    # Kept as a script, the server takes the shell's place, so that what ends the one ends the
    # other; typed where somebody sits, it would take their shell away.
    sys.stdout.write(("" if sys.stdout.isatty() else "exec ") + made.line + "\n")
    output.note(
        "and the gateway with:\n"
        "  WRIT_ENGINE=opa-server\n"
        f"  WRIT_OPA_URL={listen}\n"
        f"  WRIT_OPA_TOKEN_FILE={token_file.absolute()}"
    )


def _new_token(path: Path) -> None:
    """A token that only its owner can read, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
