"""Instants as people type them: with date, time and their offset from UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

from gateway.cli.named_files import usage

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def read_instant(text: str, option: str, command: str) -> int:
    """An instant that was given with an option, in microseconds UTC."""
    try:
        if not _INSTANT.fullmatch(text):
            raise _wrong(option, command)
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise _wrong(option, command) from error


def _wrong(option: str, command: str) -> typer.Exit:
    return usage(f"{option} needs to look like 2026-11-21T18:00:00-05:00", command)
