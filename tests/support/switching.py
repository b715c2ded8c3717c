"""A release folder that is a link, as an operator has it: turned to another release in one step."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.policy.build import build
from gateway.policy.release import load_release
from signing import canonical, envelope
from signing.keys import Vkey
from signing.published import PublishedLog
from signing.verify import verify_log
from support.release_folder import write_release

SOURCE = Path(__file__).parents[2] / "policies"


@dataclass(slots=True)
class ReleaseLink:
    """``folder/release``, a link to one of the releases beside it."""

    folder: Path
    made: dict[str, Path] = field(default_factory=dict[str, Path])

    @property
    def path(self) -> Path:
        """What ``WRIT_RELEASE`` names."""
        return self.folder / "release"

    def write(self, name: str, **limits: int) -> str:
        """Make a release labelled ``test`` that is not linked to yet; returns its digest."""
        self.made[name] = write_release(self.folder / name, **limits)
        return self.digest(name)

    def copy(self, name: str, of: str, **descriptor: str) -> str:
        """A copy of a release whose descriptor says something else; returns its digest."""
        self.made[name] = shutil.copytree(self.made[of], self.folder / name)
        path = self.made[name] / "release.json"
        path.write_bytes(canonical.encode(json.loads(path.read_bytes()) | descriptor))
        return self.digest(name)

    def put(self, name: str, file: str, data: bytes, field_name: str) -> str:
        """Replace a file of a release, the descriptor in step with it; returns its digest."""
        (self.made[name] / file).write_bytes(data)
        path = self.made[name] / "release.json"
        fields = json.loads(path.read_bytes()) | {field_name: canonical.digest(data)}
        path.write_bytes(canonical.encode(fields))
        return self.digest(name)

    def with_data(self, name: str, of: str, **parts: Any) -> str:
        """A copy of a release with other parts of its data; returns its digest."""
        self.copy(name, of)
        data = json.loads((self.made[name] / "data.json").read_bytes()) | parts
        return self.put(name, "data.json", canonical.encode(data), "data_sha256")

    def built(self, name: str, of: str, file: str, changes: dict[str, str]) -> str:
        """A release of changed sources with the data of another one; returns its digest."""
        source = shutil.copytree(
            SOURCE, self.folder / f"{name}-source", ignore=shutil.ignore_patterns("release")
        )
        path = source / file
        text = path.read_text(encoding="utf-8")
        for before, after in changes.items():
            assert before in text, before
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")
        data = (self.made[of] / "data.json").read_bytes()
        build(source, self.folder / name, "test", data)
        self.made[name] = self.folder / name
        return self.digest(name)

    def digest(self, name: str) -> str:
        """The digest of a release that was made here."""
        return canonical.digest((self.made[name] / "release.json").read_bytes())

    def turn(self, name: str) -> str:
        """Link to another release in one step; returns its digest."""
        new = self.folder / "release.new"
        new.symlink_to(self.made[name])
        new.replace(self.path)
        return self.digest(name)


def link(folder: Path) -> ReleaseLink:
    """A link to a first release ``open``; ``tight`` beside it denies every order of the tests."""
    made = ReleaseLink(folder)
    made.write("open")
    made.write("tight", order_notional_max_micros=1_000)
    made.turn("open")
    assert load_release(made.path).digest == made.digest("open")
    return made


def entries(data: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every entry of a published log, after the log has been verified."""
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="ascii").strip())
    report = verify_log(data / "log", vkey)
    assert report.ok, report
    opened = [envelope.open_envelope(e) for e in PublishedLog(data / "log", vkey).entries()]
    return [(entry.kind, dict(entry.payload)) for entry in opened]


def wrong_revisions(found: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Decisions that name another release than the newest ``release`` entry before them."""
    wrong: list[str] = []
    in_force = "none"
    for kind, payload in found:
        if kind == "release":
            in_force = payload["release_digest"]
        elif kind == "decision" and payload["release_digest"] != in_force:
            wrong.append(payload["decision_id"])
    return wrong
