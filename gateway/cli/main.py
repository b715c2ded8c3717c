"""The entry point: finds the command's module, loads only that, and turns errors into exits.

``writ audit`` and ``writ keys`` run with the base installation alone, so nothing here imports
the server; a command that needs it says so when it is missing. Whatever takes time to load is
imported inside :func:`main`, where Ctrl-C is answered.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, cast

from gateway.cli import exits
from gateway.domain.errors import UnavailableError, WritError

if TYPE_CHECKING:
    import typer
    from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a command lives: module, the typer application in it, one line of help."""

    module: str
    attribute: str
    help: str


COMMANDS: Final = {
    "demo": _Entry("demo", "app", "Run the whole gateway on four years of real prices."),
    "serve": _Entry("serve", "app", "Run the gateway."),
    "status": _Entry("status", "app", "Show what a running gateway is doing."),
    "doctor": _Entry("doctor", "app", "Check this installation and its data folder."),
    "order": _Entry("order", "app", "Submit, preview, explain, prove, list and cancel orders."),
    "reconcile": _Entry("reconcile", "app", "Compare accounts with their brokers, now."),
    "history": _Entry("reconcile", "history_app", "Save a broker's own list of a period."),
    "mode": _Entry("mode", "app", "Show or set the mode, and open LIVE."),
    "omega4": _Entry("mode", "omega4_app", "Lift or restore the research-only directive."),
    "exit-only": _Entry("mode", "exit_only_app", "Let positions be reduced under a halt."),
    "kill": _Entry("kill", "kill_app", "Stop trading now and cancel every open order."),
    "resume": _Entry("kill", "resume_app", "Lift a halt."),
    "halt": _Entry("kill", "halt_app", "List the standing halts, and lift one."),
    "alerts": _Entry("alerts", "app", "List alerts, and test the channels that are told of them."),
    "facts": _Entry("facts", "app", "Push facts, take them back, and list what stands."),
    "access": _Entry("access", "app", "Add, list and revoke API keys and passkeys."),
    "policy": _Entry("policy", "app", "Write, try, compare, build and switch policies."),
    "keys": _Entry("keys", "app", "Make, show and rotate signing keys."),
    "trust": _Entry("trust", "app", "Name the officers, and publish what they sign."),
    "manifest": _Entry("manifest", "app", "Draft, show, sign, publish and revoke manifests."),
    "signal": _Entry("signal", "app", "Attest the outputs of runs that orders come from."),
    "override": _Entry("override", "app", "Sign and show one-order overrides."),
    "audit": _Entry("audit", "app", "Verify a published log, or a receipt, offline."),
}
"""Every command; its module is imported when it is asked for, and not before."""

_COMPLETION: Final = ("install_completion", "show_completion")
"""Options that typer adds to each application on its own."""

_OURS: Final = ("gateway", "signing", "vault", "policies")


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status (see ``gateway.cli.exits``)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        sys.exit(_group(arguments).main(arguments, prog_name="writ") or exits.DONE)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _OURS or not missing:
            raise
        detail = f"this command needs the package {missing}, which is not installed"
        remedy = "install the server too: pip install 'writ[server]'"
        _fail(detail, "extra-missing", remedy, exits.USAGE)
    except WritError as error:
        _fail(error.detail, error.code, error.remedy, exit_status(error))
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        why = error.strerror or type(error).__name__
        _fail(f"{named}{why}", "file", "check the path and its permissions", exits.USAGE)
    except exits.CommandError as error:
        _fail(error.detail, error.code, error.remedy, error.exit_status)
    except KeyboardInterrupt:  # while it loads; a command that runs answers it itself
        sys.stderr.write("interrupted\n")
        sys.exit(exits.INTERRUPTED)


def _fail(detail: str, code: str, remedy: str, status: int) -> NoReturn:
    from gateway.cli import output

    output.complaint(detail, code, remedy)
    sys.exit(status)


def exit_status(error: WritError) -> int:
    """What a command ends with that failed so."""
    return exits.UNAVAILABLE if isinstance(error, UnavailableError) else exits.USAGE


def _group(arguments: Sequence[str]) -> TyperGroup:
    """The command tree, with the asked-for command real and the others by their help alone."""
    import typer

    asked = next((a for a in arguments if not a.startswith("-")), None)
    root = typer.Typer(
        name="writ",
        help="Writ: an execution gateway. No order moves without a signed decision.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, entry in COMMANDS.items():
        root.command(name, help=entry.help)(_placeholder)
    group = typer.main.get_group(root)
    if asked in COMMANDS:
        entry = COMMANDS[asked]
        module = importlib.import_module(f"gateway.cli.{entry.module}")
        command = typer.main.get_command(cast("typer.Typer", getattr(module, entry.attribute)))
        command.name = asked
        command.params = [p for p in command.params if p.name not in _COMPLETION]
        group.add_command(command, asked)
    return group


def _placeholder() -> None:
    """Never run: it lends its name and help to a command that is not loaded."""
    raise AssertionError
