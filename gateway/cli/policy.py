"""`writ policy`: check, test and build the policies in a working tree; needs ``opa``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import exits, output
from gateway.cli.opa_config import opa_config

app = typer.Typer(no_args_is_help=True, help="Check, test and build policies.")
app.command("opa-config")(opa_config)

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
    """Check format, types, METADATA, limits, tests and their coverage."""
    from gateway.policy.check import check as run

    findings = run(source)
    if fmt is output.Format.JSON or findings:
        rows = [{"file": f.file, "message": f.message, "what_to_do": f.remedy} for f in findings]
        output.rows(rows, ("file", "message", "what_to_do"), fmt)
    if findings:
        output.note(f"{len(findings)} to mend in {source}")
        raise typer.Exit(exits.DENIED)
    output.note(f"{source} is in order")


@app.command("test")
def run_tests(
    source: SourceArgument = DEFAULT_SOURCE,
    run: Annotated[str, typer.Option("--run", help="Only tests that this expression fits.")] = "",
) -> None:
    """Run the tests of the policies and print what ``opa test`` prints."""
    from gateway.policy.check import run_tests as opa_tests
    from gateway.policy.sources import rego_sources

    rego_sources(source)  # opa would explain itself at length instead
    done = opa_tests(source, run)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.status != 0:
        raise typer.Exit(exits.DENIED)


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
