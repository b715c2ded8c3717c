"""`writ policy`: from a control's first line to the release in force; building needs ``opa``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.impact import impact
from gateway.cli.named_files import usage
from gateway.cli.opa_config import opa_config
from gateway.cli.policy_catalogue import catalogue
from gateway.cli.policy_diff import diff, limits
from gateway.cli.policy_new import app as new_app
from gateway.cli.policy_publish import publish
from gateway.cli.policy_switch import active, switch
from gateway.cli.policy_try import try_document
from gateway.cli.policy_watch import run_tests
from gateway.cli.working import working

if TYPE_CHECKING:
    from gateway.policy.release_data import ReleaseData

_BUILD: Final = "policy build"

app = typer.Typer(
    no_args_is_help=True,
    help="Write, check, test, try, compare, weigh, build and switch policies.",
)
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
app.command("publish")(publish)

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
    """Build a release: the Rego bundle, the WebAssembly module, data, words, and the descriptor.

    What `writ policy check` finds without running tests is refused, and nothing is written.
    """
    from gateway.policy.build import build as run
    from gateway.policy.check import refuse_unsound
    from gateway.policy.data_files import limit_names, release_data

    if out is None and (data is not None or limits is not None):
        raise usage(
            "other limits or lists need --out: the source's own release stays as it is", _BUILD
        )
    target = source / "release" if out is None else out
    with working(f"checking {source}") as step:
        given = release_data(source, data, limits)
        refuse_unsound(source, step)
        step(f"building {source}")
        release = run(source, target, label, given)
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
    for told in _deny(release.parsed, limit_names(source)):
        output.note(told)


def _deny(data: ReleaseData, names: Collection[str]) -> Iterator[str]:
    """What of a release's data denies orders because it was never filled in."""
    base = data.limits.base
    closed = sum(base.get(name, 0) == 0 for name in names)
    if closed:
        subject, each = ("1 limit is", "it") if closed == 1 else (f"{closed} limits are", "one")
        yield f"{subject} zero or left out: every order that needs {each} is denied"
    if not data.permissions:
        yield "nobody has a permission: every order is denied (permissions.json)"
