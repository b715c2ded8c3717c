"""`writ audit`: verify a published log or one receipt, and take a receipt out of a log.

Works on published files alone: no gateway, no database, no network, and with the base
installation. One command needs more: `replay` has to run the policies, so its module is found
by name and loaded only when it is asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from gateway.cli import audit_complete, exits, key_history, output
from gateway.cli.named_files import (
    FILE_BYTES_MAX,
    folder,
    read_file,
    read_public_key,
    read_vkey,
    unreadable,
    usage,
)
from signing.keys import PublicKey, Vkey
from signing.published import PublishedError, PublishedLog
from signing.receipt import RECEIPT_BYTES_MAX, Receipt, ReceiptError, open_receipt
from signing.records import RecordError, check
from signing.verify import Progress as Told
from signing.verify import Report, verify_log

REPLAY: Final = "replay"
COMPLETE: Final = "complete"
_OUTCOME: Final = ("decision_id", "order_id", "client_order_id", "allow", "failure", "mode")
"""What a table tells of an entry, where the entry has it."""


class AuditGroup(TyperGroup):
    """The commands of this module, and `replay` and `complete` from their own."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401  typer keeps the type private
        """Name every command."""
        return [*super().list_commands(ctx), COMPLETE, REPLAY]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401  as list_commands
        """Find a command by its name."""
        if cmd_name == COMPLETE:
            return typer.main.get_command(audit_complete.app)
        if cmd_name != REPLAY:
            return super().get_command(ctx, cmd_name)
        # By name: an import that can be seen would tie auditing to the engine.
        return typer.main.get_command(importlib.import_module("gateway.cli.replay").app)


app = typer.Typer(
    cls=AuditGroup,
    no_args_is_help=True,
    help="Verify a published log or a receipt offline, and decide a log's orders again.",
)

VkeyOption = Annotated[
    Path, typer.Option("--vkey", help="File with the log's verifier key, from a source you trust.")
]
LogOption = Annotated[
    Path | None, typer.Option("--log", help="Folder with checkpoint, tile/ and blobs/.")
]
ReceiptOption = Annotated[Path | None, typer.Option("--receipt", help="A receipt to verify.")]
EarlierOption = Annotated[
    Path | None,
    typer.Option(
        "--earlier", help="A checkpoint of this log kept elsewhere: detects rollback and forks."
    ),
]

IdentityOption = Annotated[
    Path | None,
    typer.Option(
        "--identity", help="The identity key that stands now, as you were told: an identity.pub."
    ),
]


@app.command()
def verify(
    vkey: VkeyOption,
    log: LogOption = None,
    receipt: ReceiptOption = None,
    earlier: EarlierOption = None,
    identity: IdentityOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Verify a whole log in numbered steps, or one receipt; exit 1 if anything is wrong."""
    about_a_log = earlier is not None or identity is not None
    if (log is None) == (receipt is None) or (about_a_log and log is None):
        raise usage(
            "give --log DIR (and perhaps --earlier FILE, --identity FILE), or --receipt FILE"
        )
    key = read_vkey(vkey)
    if receipt is not None:
        _verify_receipt(read_file(receipt, RECEIPT_BYTES_MAX), key, fmt)
    elif log is not None:
        note = None if earlier is None else read_file(earlier, FILE_BYTES_MAX)
        stands = None if identity is None else read_public_key(identity)
        with _progress() as told:
            report = _run(log, key, told, note, stands)
        _print_report(report, fmt)
        if identity is None and key_history.revoked(report.keys):
            output.note(
                "an identity key was revoked, which the key itself did not sign: compare the one "
                "that stands with the one that you were told, --identity FILE"
            )
        if not report.ok:
            raise typer.Exit(exits.DENIED)


@app.command()
def receipt(
    entry: Annotated[
        str, typer.Argument(help="A decision id, an order id, or an index in the log.")
    ],
    log: Annotated[Path, typer.Option("--log", help="Folder with checkpoint, tile/ and blobs/.")],
    vkey: Annotated[
        Path | None, typer.Option("--vkey", help="Verify the checkpoint under this key first.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Where to write it; stdout otherwise.")
    ] = None,
) -> None:
    """Take the receipt of one entry out of a published log."""
    key = None if vkey is None else read_vkey(vkey)
    try:
        published = PublishedLog(folder(log), key)
        index = int(entry) if entry.isascii() and entry.isdecimal() else None
        if index is None:
            index = published.find_decision(entry)
        if index is None or index >= published.checkpoint.size:
            raise usage(f"the log holds no entry {entry}")
        data = published.receipt(index)
        if out is not None:
            out.write_bytes(data)
    except PublishedError as error:
        output.complaint(str(error), "log-damaged", "run writ audit verify on this log")
        raise typer.Exit(exits.DENIED) from error
    except OSError as error:
        raise unreadable(error) from error
    if out is None:
        sys.stdout.write(data.decode("utf-8"))
    else:
        output.note(f"receipt of entry {index} written to {out}")


def _run(
    log: Path, key: Vkey, told: Told, earlier: bytes | None, identity: PublicKey | None
) -> Report:
    try:
        return verify_log(folder(log), key, told, earlier=earlier, identity=identity)
    except OSError as error:
        raise unreadable(error) from error


def _print_report(report: Report, fmt: output.Format) -> None:
    found = {
        "ok": report.ok,
        "size": report.size,
        "root": report.root,
        "first_bad_index": report.first_bad_index,
        "counts": dict(report.counts),
    }
    steps = [
        {"number": step.number, "name": step.name, "ok": step.ok, "detail": step.detail}
        for step in report.steps
    ]
    if fmt is output.Format.JSON:
        keys = key_history.fields(report.keys)
        output.record({**found, "steps": steps, "keys": keys}, fmt)
        return
    shown = [{**step, "result": "ok" if step["ok"] else "FAILED"} for step in steps]
    output.rows(shown, ("number", "name", "result", "detail"), fmt)
    key_history.show(report.keys)
    output.record(found, fmt, fields=_summary_fields(report))


def _summary_fields(report: Report) -> tuple[str, ...]:
    if report.ok:
        return ("ok", "size", "root")
    return ("ok", "size", "root", "first_bad_index")


def _verify_receipt(data: bytes, key: Vkey, fmt: output.Format) -> None:
    try:
        found = open_receipt(data, key)
        check(found.envelope.kind, found.envelope.payload)
    except ReceiptError as error:
        _fail(error.code, str(error), fmt)
    except RecordError as error:
        _fail("record", str(error), fmt)
    else:
        _print_receipt(found, fmt)
        output.note(
            f"the log {key.name} holds this entry; whether its own signature was certified "
            "is seen by writ audit verify --log"
        )


def _print_receipt(found: Receipt, fmt: output.Format) -> None:
    """The proof, and of the entry its outcome and ids; JSON has all that was signed."""
    payload = found.envelope.payload
    proof = {
        "ok": True,
        "index": found.index,
        "kind": found.envelope.kind,
        "size": found.checkpoint.size,
        "root": found.checkpoint.root.hex(),
    }
    if fmt is output.Format.JSON:
        output.record({**proof, "payload": payload}, fmt)
        return
    told = {name: payload[name] for name in _OUTCOME if name in payload}
    output.record({**proof, **told}, fmt)


def _fail(code: str, detail: str, fmt: output.Format) -> None:
    output.record({"ok": False, "code": code, "detail": detail}, fmt)
    raise typer.Exit(exits.DENIED)


@contextmanager
def _progress() -> Generator[Told, None, None]:
    """Show progress on stderr, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("verifying", total=None)

        def told(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"verifying {what}", completed=done, total=total)

        yield told
