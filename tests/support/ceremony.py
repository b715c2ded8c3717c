"""Two officers and a publisher, each with a folder of their own, and the commands they type."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from signing.keys import Ed25519Signer
from signing.trust import Draft
from support.manifests import DEMO
from vault.signers import create_key

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FROM = (TODAY - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
UNTIL = (TODAY + timedelta(days=300)).strftime("%Y-%m-%dT%H:%M:%S+02:00")
LATER = (TODAY + timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")

PLAN = f"""
environment = "production"
gateway = "trading.example/log"
mode = "PAPER"
strategies = ["value", "momentum"]
at_lapse = "cancel"
valid_from = {FROM}
valid_until = {UNTIL}

[accounts.primary]
broker = "alpaca"
broker_account = "PA1234"
hosts = ["paper-api.example.com:443"]

[ceilings]
orders_per_day = 500
notional_per_day = "250,000.50 USD"

[[attestations]]
jurisdiction = "US"
kind = "registration"
reference = "SEC 8-12345"
valid_until = {LATER}

[acknowledgement]
version = "2026-01"
text = '''
I have read the limits.
I agree.
'''
"""


@dataclass(frozen=True)
class Said:
    """What a command ended with."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the command printed
        return json.loads(self.out)


@dataclass
class Ceremony:
    """A desk in `home`: the trust folder, a folder for each person, and one process for all."""

    home: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    @property
    def trust(self) -> Path:
        return self.home / "folder"

    def writ(self, *arguments: str | Path, typed: str = "") -> Said:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        told = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, told.out, told.err)

    def must(self, *arguments: str | Path, typed: str = "") -> Said:
        said = self.writ(*arguments, typed=typed)
        assert said.status == 0, said.err
        return said

    def key(self, name: str) -> Path:
        return self.home / name / "officer.key"

    def public(self, name: str) -> Path:
        """The .pub of a person, who is made where they are not there yet."""
        path = self.home / name / "officer.pub"
        if not path.exists():
            signer = Ed25519Signer(create_key(self.key(name)))
            path.write_text(f"{signer.public.hex}\n")
        return path

    def at(self, name: str) -> tuple[str | Path, ...]:
        """The options with which a person reads the trust folder."""
        return ("--trust", self.trust, "--root", self.home / name / "root.json")

    def init(self, *officers: str, **options: str) -> Path:
        """The draft of a first root."""
        draft = self.home / "root.draft"
        named = [f"--officer={one}={self.public(one.partition(':')[0])}" for one in officers]
        extra = [f"--{name}={value}" for name, value in options.items()]
        self.must(
            "trust", "init", *named, "--publisher", self.public("pub"), *extra, "--out", draft
        )
        return draft

    def digest(self, draft: Path) -> str:
        return Draft.parse(draft.read_bytes()).digest

    def sign(self, name: str, draft: Path, *options: str | Path) -> Path:
        """A person's own copy of a draft, signed."""
        group = "manifest" if json.loads(draft.read_bytes())["role"] == "targets" else "trust"
        copy = self.home / name / draft.name
        shutil.copy(draft, copy)
        where = () if group == "trust" and not self.trust.exists() else self.at(name)
        self.must(
            group, "sign", copy, "--key", self.key(name), *where, "--yes", self.digest(draft),
            *options,
        )  # fmt: skip
        return copy

    def founded(self, *names: str) -> None:
        """A first root in force, and everybody with a copy of it."""
        draft = self.init(*names)
        copies = [self.sign(name.partition(":")[0], draft) for name in names]
        self.must("trust", "publish", *copies, "--trust", self.trust)
        for name in ("pub", *(name.partition(":")[0] for name in names)):
            shutil.copy(self.trust / "metadata" / "1.root.json", self.home / name / "root.json")

    def draft(self, plan: str = PLAN, release: Path | None = DEMO, by: str = "anna") -> Path:
        """The draft of a manifest."""
        file, out = self.home / "plan.toml", self.home / "manifest.draft"
        file.write_text(plan)
        named = () if release is None else ("--release", release)
        self.must("manifest", "draft", file, *self.at(by), *named, "--out", out)
        return out

    def publish(self, *copies: Path) -> Said:
        publisher = ("--publisher-key", self.key("pub"))
        return self.writ("manifest", "publish", *copies, *self.at("pub"), *publisher)

    def permitted(self, plan: str = PLAN) -> None:
        """A manifest in force."""
        draft = self.draft(plan)
        said = self.publish(self.sign("anna", draft), self.sign("ben", draft))
        assert said.status == 0, said.err

    def permitted_again(self, *names: str) -> None:
        """The same manifest and release as the next epoch."""
        by, *_ = names = names or ("anna", "ben")
        draft = self.draft(release=None, by=by)
        said = self.publish(*(self.sign(name, draft) for name in names))
        assert said.status == 0, said.err
