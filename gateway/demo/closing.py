"""The closing act: a stranger's command verifies the log, then finds one flipped byte in a copy.

The command runs as a process of its own, with nothing but the published folder and the log's
verification key: what it says here, it says to anyone.
"""

from __future__ import annotations

import json
import shutil
import subprocess  # the project's own command is run, with fixed arguments
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.demo.workers import plain_environment
from gateway.domain.errors import UnavailableError
from signing import checkpoint, envelope, tiles
from signing.keys import Vkey

VERIFY_TIMEOUT_S: Final = 300
_ENTRY_POINT: Final = "from gateway.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Verified:
    """What one run of the verifier said: its exit status, its words, the first bad index."""

    status: int
    text: str
    first_bad_index: int | None


@dataclass(frozen=True, slots=True)
class Flip:
    """One byte of a published file, and the index of the log entry that it lies in."""

    path: str
    offset: int
    index: int
    kind: str


def verify(log_dir: Path, vkey_file: Path) -> Verified:
    """Run ``writ audit verify`` on a published log."""
    status, text = _writ("audit", "verify", "--log", str(log_dir), "--vkey", str(vkey_file))
    _, report = _writ(
        *("audit", "verify", "--log", str(log_dir), "--vkey", str(vkey_file), "-o", "json")
    )
    return Verified(status, text, json.loads(report)["first_bad_index"])


def verify_damaged(log_dir: Path, vkey_file: Path) -> tuple[Flip, Verified]:
    """Flip one byte in a copy of the log and verify the copy; the log itself is only read."""
    vkey = Vkey.parse(vkey_file.read_text().strip())
    with tempfile.TemporaryDirectory(prefix="writ-flip-") as folder:
        copy = Path(folder) / "log"
        shutil.copytree(log_dir, copy)
        flip = choose(copy, vkey)
        file = copy / flip.path
        data = bytearray(file.read_bytes())
        data[flip.offset] ^= 0x01
        file.write_bytes(data)
        return flip, verify(copy, vkey_file)


def choose(log_dir: Path, vkey: Vkey) -> Flip:
    """The middle byte of the decision nearest to the middle of the log, in its bundle."""
    size = checkpoint.verify_checkpoint((log_dir / "checkpoint").read_bytes(), vkey).size
    found: Flip | None = None
    for bundle in range(-(-size // tiles.FULL)):
        width = min(tiles.FULL, size - bundle * tiles.FULL)
        path, offset = tiles.entries_path(bundle, width), 0
        for place, entry in enumerate(tiles.decode_bundle((log_dir / path).read_bytes())):
            index = bundle * tiles.FULL + place
            kind = envelope.open_envelope(entry).kind
            here = Flip(path, offset + 2 + len(entry) // 2, index, kind)
            if kind == "decision" and (
                found is None or abs(2 * index - size) < abs(2 * found.index - size)
            ):
                found = here
            offset += 2 + len(entry)
    if found is None:
        raise UnavailableError("demo-empty", "the log holds no decision to damage")
    return found


def _writ(*arguments: str) -> tuple[int, str]:
    """Run a ``writ`` command; its status and standard output."""
    try:
        ended = subprocess.run(  # noqa: S603  our own interpreter and command, no shell
            (sys.executable, "-c", _ENTRY_POINT, *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=VERIFY_TIMEOUT_S,
            env=plain_environment(),
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError("demo-verify-slow", "the verifier did not end in time") from None
    if not ended.stdout:
        raise UnavailableError("demo-verify-failed", ended.stderr.decode(errors="replace").strip())
    return ended.returncode, ended.stdout.decode()
