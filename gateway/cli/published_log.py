"""Opening a published log for commands that decide again, and showing how far they are."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gateway.cli import exits, output
from signing.checkpoint import CheckpointError, verify_checkpoint
from signing.envelope import EnvelopeError, open_envelope
from signing.keys import InvalidKeyError, PublicKey, Vkey
from signing.published import PublishedError, PublishedLog
from signing.verification.folder import Folder
from signing.verification.roots import BundleRoots

_ENGINE: Final = ("opapywasm", "wasmtime", "opa-py-wasm")

Told = Callable[[int, int], None]
"""Told how many entries are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class ProvenLog:
    """A log whose tiles lead to its signed checkpoint."""

    vkey: Vkey
    pinned: bool
    """Whether the key came from the caller; else the log itself named it."""
    roots: BundleRoots


def open_log(directory: Path, given: Vkey | None) -> ProvenLog:
    """Prove the tiles by the checkpoint, and the checkpoint by a key.

    Raises:
        PublishedError, RootsError: the checkpoint or a tile does not fit.
        OSError: the folder cannot be read.
    """
    published = PublishedLog(directory, given)
    key = given or _own_key(published)
    return ProvenLog(key, given is not None, BundleRoots(Folder(directory), published.checkpoint))


def _own_key(published: PublishedLog) -> Vkey:
    """The key that the log names itself: enough to see damage, not to know whose log it is."""
    try:
        pinned = open_envelope(published.entry(0)).payload
        key = Vkey(str(pinned["origin"]), PublicKey.from_hex(str(pinned["log_key"])))
        verify_checkpoint(published.note, key)
    except (EnvelopeError, InvalidKeyError, CheckpointError, KeyError) as error:
        raise PublishedError(f"the first entry does not name the log's key: {error}") from error
    return key


def no_engine(error: ModuleNotFoundError) -> typer.Exit:
    """How a command ends that needs the engine where it is not installed."""
    if (error.name or "").partition(".")[0] not in _ENGINE:
        raise error
    output.complaint(
        "deciding again needs the engine, which is not installed",
        "extra-missing",
        "install it: pip install 'writ[replay]'",
    )
    return typer.Exit(exits.UNAVAILABLE)


class _Rate(ProgressColumn):
    """Entries a second."""

    def render(self, task: Task) -> Text:
        """The rate so far, once there is one."""
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


@contextmanager
def progress(what: str) -> Generator[Told]:
    """Show progress on stderr, where that is a terminal; say where an earlier run is continued."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), _Rate())
    quiet = not console.is_terminal
    bar = Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=quiet)
    with bar:
        task = bar.add_task("", total=None)
        resumed = False

        def told(done: int, total: int) -> None:
            nonlocal resumed
            if done and not resumed and bar.tasks[0].total is None:
                output.note(f"an earlier run is continued at entry {done}")
            resumed = True
            bar.update(task, completed=done, total=total)

        yield told
