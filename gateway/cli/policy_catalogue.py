"""`writ policy catalogue`: the controls in words, for people and for programs."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.written_files import write_whole


class Form(StrEnum):
    """How the catalogue is written."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def catalogue(
    source: Annotated[
        Path,
        typer.Argument(
            help="A policies folder or a release folder.",
            exists=True,
            file_okay=False,
            show_default="policies",
        ),
    ] = Path("policies"),
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.MARKDOWN,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it there instead of printing it.")
    ] = None,
) -> None:
    """Write what every control demands, of whom, under which rule, and what helps when denied."""
    from gateway.policy import catalogue_pages
    from gateway.policy.build import catalogue_of_sources
    from gateway.policy.catalogue import CATALOGUE, load_catalogue

    built = (source / CATALOGUE).exists()
    controls = load_catalogue(source) if built else catalogue_of_sources(source)
    text = {
        Form.MARKDOWN: catalogue_pages.markdown,
        Form.HTML: catalogue_pages.html,
        Form.JSON: catalogue_pages.as_json,
    }[form](controls)
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(out, text)
