"""`writ override`: an officer signs that one order may pass one control once."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.instants import read_instant
from gateway.cli.named_files import read_vkey, usage
from gateway.cli.signers import ByOption, KeyOption, PassphraseOption, load_signer
from signing.override import (
    ANYBODY,
    OVERRIDE_BYTES_MAX,
    Override,
    OverrideError,
    SignedOverride,
    read_override,
    sign_override,
)
from signing.trusted import FILE_BYTES_MAX, TrustedKeys, TrustedKeysError

app = typer.Typer(no_args_is_help=True, help="Sign and show one-order overrides.")

_SIGN: Final = "override sign"
_SHOW: Final = "override show"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@app.command()
def sign(  # noqa: PLR0913  one option for each field of an override
    *,
    control: Annotated[str, typer.Option("--control", help="The control, such as REG-01.")],
    vkey: Annotated[
        Path, typer.Option("--vkey", help="File with the verifier key of the gateway's log.")
    ],
    mode: Annotated[
        str, typer.Option("--mode", help="The gateway's mode: SIMULATION, PAPER, LIVE or RESEARCH.")
    ],
    account: Annotated[str, typer.Option("--account", help="The order's account.")],
    symbol: Annotated[str, typer.Option("--symbol", help="The order's symbol.")],
    side: Annotated[str, typer.Option("--side", help="buy, sell or sell_short.")],
    qty: Annotated[str, typer.Option("--qty", help="The order's exact quantity, in whole lots.")],
    client_order_id: Annotated[
        str, typer.Option("--client-order-id", help="The caller's own id of the order.")
    ],
    expires: Annotated[
        str, typer.Option("--expires", help="An instant with its offset, at most a day from now.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line.")],
    key: KeyOption,
    principal: Annotated[
        str, typer.Option("--principal", help="Who may propose it: the name of their API key.")
    ] = ANYBODY,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it. [stdout]")] = None,
    by: ByOption = None,
    passphrase: PassphraseOption = None,
) -> None:
    """Sign an override; the line printed is what the order's ticket carries in `override`.

    It counts at the one gateway whose log it names, and there in the one mode.
    """
    signer = load_signer(key, passphrase)
    override = Override(
        override_id=f"ovr_{secrets.token_hex(16)}",
        control=control,
        log=str(read_vkey(vkey, _SIGN)),
        mode=mode.upper(),
        account=account,
        symbol=symbol,
        side=side.lower(),
        qty=qty,
        client_order_id=client_order_id,
        principal=principal,
        created_us=time.time_ns() // 1000,
        expires_us=read_instant(expires, "--expires", _SIGN),
        by=by or signer.public.keyid,
        reason=reason,
    )
    try:
        line = f"{sign_override(override, signer)}\n"
    except OverrideError as error:
        raise usage(str(error), _SIGN) from error
    if out is None:
        sys.stdout.write(line)
    else:
        out.write_text(line, encoding="utf-8")
    output.note(f"{override.override_id}: for one order, until {expires}")


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A file with an override.")],
    officers: Annotated[
        Path | None, typer.Option("--officers", help="File of officers' keys: NAME KEY a line.")
    ] = None,
    vkey: Annotated[
        Path | None, typer.Option("--vkey", help="File with the verifier key of a gateway's log.")
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Show what an override allows, where, until when, and which officer signed it.

    Exit 1 when it has expired, when officers were given and none of them signed it, or when a
    log was given and it is for another one.
    """
    found = _read(file)
    keys = _officers(officers)
    log = None if vkey is None else str(read_vkey(vkey, _SHOW))
    signer = None if keys is None else keys.signer_of(found)
    expired = found.override.expires_us <= time.time_ns() // 1000
    fields = {**asdict(found.override), "expires": _instant(found.override.expires_us)}
    output.record({**fields, "expired": expired, "signed_by": signer}, fmt)
    refused = {
        "it has expired": expired,
        "no officer signed it": keys is not None and signer is None,
        "it is for another gateway's log": log not in {None, found.override.log},
    }
    if any(refused.values()):
        output.complaint(
            ", and ".join(why for why, true in refused.items() if true),
            "override-refused",
            "have it signed again, for this gateway and by an officer whom it trusts",
        )
        raise typer.Exit(exits.DENIED)


def _read(path: Path) -> SignedOverride:
    with path.open("rb") as file:
        data = file.read(OVERRIDE_BYTES_MAX + 2)
    try:
        return read_override(data.decode("utf-8"))
    except (OverrideError, UnicodeDecodeError) as error:
        raise usage(f"{path}: {error}", _SHOW) from error


def _officers(path: Path | None) -> TrustedKeys | None:
    if path is None:
        return None
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    try:
        return TrustedKeys.parse(data)
    except TrustedKeysError as error:
        raise usage(f"{path}: {error}", _SHOW) from error


def _instant(us: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=us)).isoformat()
    except OverflowError:
        return "beyond every calendar"
