"""The options of every command that reads a trust root; they load nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TrustOption = Annotated[
    Path, typer.Option("--trust", envvar="WRIT_TRUST", help="Folder of the trust root.")
]
RootOption = Annotated[
    Path,
    typer.Option(
        "--root", envvar="WRIT_TRUST_ROOT", help="Root file that you hold and trust yourself."
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="Where to write the draft.")]
