"""Runs the numeric regression set on every engine, and accepts it for a new version of one.

    numeric.py [--accept] [--file FILE]

Prints each answer that is not the one written down. `--accept` records the versions in use, and
does so only where no answer is another: what an upgrade changed is written into the file by hand,
after it is clear that no policy is touched by it. Exit 1: something differs or is not accepted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import numeric  # noqa: E402  the tests' folder had to be named first


def differences(file: Path) -> list[str]:
    """Each answer that is not the expected one, as a line."""
    with tempfile.TemporaryDirectory(prefix="writ-numbers-") as folder:
        said = numeric.answers(Path(folder), file)
    return [
        f"{question.name} {engine}: {said[engine][question.name]}, not {expected}"
        for question in numeric.questions(file)
        for engine, expected in question.expected.items()
        if said[engine][question.name] != expected
    ]


def accept(file: Path) -> None:
    """Record the versions in use."""
    document = json.loads(file.read_bytes()) | {"accepted": numeric.present()}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """Run the set; the exit code."""
    parser = argparse.ArgumentParser(description="The numeric regression set.")
    parser.add_argument("--accept", action="store_true", help="record the versions in use")
    parser.add_argument("--file", type=Path, default=numeric.FILE, help="another set")
    options = parser.parse_args()
    found = differences(options.file)
    print("\n".join([*found, f"{len(found)} answers differ"]))
    if found:
        return 1
    before, now = numeric.accepted(options.file), numeric.present()
    if before != now and options.accept:
        accept(options.file)
        print(f"accepted with {_named(now)}")
    elif before != now:
        print(f"accepted with {_named(before)}, in use is {_named(now)}: --accept records it")
        return 1
    return 0


def _named(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


if __name__ == "__main__":
    sys.exit(main())
