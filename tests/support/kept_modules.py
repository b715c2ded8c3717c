"""Compiled WebAssembly modules are kept in a folder: most tests decide by the same few releases.

A module is compiled in a third of a second and read in five milliseconds. Keeping is wasmtime's
own: by the module's bytes, its own version, and how the engine is set. The gateway itself compiles
at each start and trusts no machine code that lies in a folder.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import wasmtime

FOLDER: Final = Path(__file__).resolve().parents[2] / ".tools" / "compiled"
"""Removed by `make clean`; whatever is missing there is compiled again."""


def keep_modules() -> None:
    """Have every engine of this process keep what it compiles."""
    settings = _settings()

    class KeepingConfig(wasmtime.Config):
        def __init__(self) -> None:
            super().__init__()
            self.cache = settings

    wasmtime.Config = KeepingConfig


def _settings() -> str:
    """The file that tells wasmtime the folder; other workers may be writing it too.

    It lies beside the folder, because wasmtime tidies that up.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    own, shared = FOLDER.with_suffix(f".{os.getpid()}"), FOLDER.with_suffix(".toml")
    own.write_text(f"[cache]\ndirectory = {json.dumps(str(FOLDER))}\n", encoding="utf-8")
    own.replace(shared)
    return str(shared)
