"""Commands typed in this process: as `writ` runs them, without the second it takes to start."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from gateway.cli.main import main

Told = tuple[int, str, str]


@pytest.fixture
def typed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Generator[Callable[..., Told]]:
    """Type a command in an empty folder, with settings: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WRIT_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, **environment: str) -> Told:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in told.err
        return ended.value.code, told.out, told.err

    # `writ serve` sets up its process, which is ours here.
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield run
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
    root.handlers[:] = handlers
    root.setLevel(level)
