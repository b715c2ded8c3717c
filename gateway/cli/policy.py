"""`writ policy`: check, test and build the policies in a working tree; needs ``opa``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import exits, output
from gateway.cli.impact import impact
from gateway.cli.opa_config import opa_config
from gateway.cli.policy_catalogue import catalogue
from gateway.cli.policy_diff import diff, limits
from gateway.cli.policy_new import app as new_app
from gateway.cli.policy_switch import active, switch
from gateway.cli.policy_try import try_document
from gateway.cli.policy_watch import run_tests
from gateway.cli.working import working

app = typer.Typer(no_args_is_help=True, help="Check, test and build policies.")
app.command("catalogue")(catalogue)
app.command("impact")(impact)
app.command("test")(run_tests)
app.command("diff")(diff)
app.command("limits")(limits)
app.command("try")(try_document)
app.add_typer(new_app, name="new")
app.command("opa-config")(opa_config)
app.command("switch")(switch)
app.command("active")(active)

SourceArgument = Annotated[
    Path,
    typer.Argument(
        help="The policies folder.", exists=True, file_okay=False, show_default="policies"
    ),
]
DEFAULT_SOURCE = Path("policies")


@app.command()
def check(
    source: SourceArgument = DEFAULT_SOURCE, fmt: output.FormatOption = output.Format.TABLE
) -> None:
    """Check format, types, METADATA, limits, lists, tests and their coverage.

    Exit 1 if anything is to be mended; a warning alone is none.
    """
    from gateway.policy.check import check as run

    with working(f"checking {source}") as step:
        findings = run(source, step)
    if fmt is output.Format.JSON or findings:
        rows = [
            {
                "file": one.file if fmt is output.Format.JSON else one.place,
                "line": one.line,
                "kind": "warning" if one.warning else "error",
                "message": one.message,
                "what_to_do": one.remedy,
            }
            for one in findings
        ]
        output.rows(rows, ("file", "kind", "message", "what_to_do"), fmt)
    errors = sum(not one.warning for one in findings)
    if errors:
        output.note(f"{errors} to mend in {source}")
        raise typer.Exit(exits.DENIED)
    output.note(f"{source} is in order")


@app.command()
def build(
    source: SourceArgument = DEFAULT_SOURCE,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The release folder.", show_default="SOURCE/release"),
    ] = None,
    label: Annotated[str, typer.Option("--label", help="What the release is for.")] = "shipped",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="A folder whose limits and lists take the place of the source's.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option("--limits", help="One limits file in the place of the others.", exists=True),
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Build a release: the Rego bundle, the WebAssembly module, data, words, and the descriptor."""
    from gateway.policy.build import build as run
    from gateway.policy.data_files import release_data

    target = source / "release" if out is None else out
    with working(f"building {source}"):
        release = run(source, target, label, release_data(source, data, limits))
    record: dict[str, Any] = {
        "folder": str(target),
        "label": release.label,
        "revision": release.revision,
        "digest": release.digest,
        "bundle": release.bundle_digest,
        "wasm": release.wasm_digest,
        "data": release.data_digest,
        "opa": release.opa_version,
    }
    output.record(record, fmt)
