"""Envelopes before go-securesystemslib, and before ours."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from signing.canonical import encode
from signing.envelope import EnvelopeError, open_envelope
from signing.keyring import ABOUT_KEYS
from signing.keys import PublicKey
from signing.published import PublishedLog
from support.logs import LogBuilder, make_log, seeded

pytestmark = pytest.mark.requirement("W-01")

Check = Callable[..., list[str]]


@pytest.fixture
def log(tmp_path: Path) -> LogBuilder:
    make_log(tmp_path / "log", decisions=20)
    return LogBuilder(tmp_path / "log")


@pytest.fixture
def entries(log: LogBuilder) -> list[bytes]:
    return list(PublishedLog(log.directory, log.vkey).entries())


@pytest.fixture
def check(foreign: Callable[..., CompletedProcess[str]]) -> Check:
    def run(entries: list[bytes], *keys: PublicKey) -> list[str]:
        done = foreign("envelopecheck", *(key.hex for key in keys), lines=entries)
        found: list[str] = done.stdout.splitlines()
        assert len(found) == len(entries)
        return found

    return run


def test_it_accepts_every_entry(check: Check, log: LogBuilder, entries: list[bytes]) -> None:
    """Those about keys are signed by the identity key, the last certificate by the next one."""
    identity, decider, later = log.identity.public, log.decider.public, seeded(5).public
    kinds = [open_envelope(entry).kind for entry in entries]
    assert kinds[-2:] == ["identity", "certificate"]
    expected = [(identity if kind in ABOUT_KEYS else decider).hex for kind in kinds]
    assert check(entries, identity, decider, later) == [*expected[:-1], later.hex]


def test_it_refuses_another_key_and_another_payload(check: Check, entries: list[bytes]) -> None:
    stranger = seeded(9).public
    assert all(line.startswith("refused") for line in check(entries, stranger))
    outer = json.loads(entries[3])
    outer["payload"] = base64.b64encode(b'{"at_us":1}').decode()
    retyped = json.loads(entries[3])
    retyped["payloadType"] = "application/vnd.writ.halt.v1+json"
    for wrong in (outer, retyped):
        (line,) = check([encode(wrong)], seeded(3).public)
        assert line.startswith("refused")
        assert not open_envelope(encode(wrong)).signed_by(seeded(3).public)


def loosened(entry: bytes) -> dict[str, bytes]:
    """The same signed payload in other bytes."""
    emptied, url_safe, unsorted, extra = (json.loads(entry) for _ in range(4))
    emptied["signatures"][0]["keyid"] = ""
    raw = base64.b64decode(url_safe["payload"])
    url_safe["payload"] = base64.urlsafe_b64encode(raw).decode()
    signature = url_safe["signatures"][0]
    signature["sig"] = base64.urlsafe_b64encode(base64.b64decode(signature["sig"])).decode()
    extra["note"] = "unsigned"
    return {
        "emptied keyid": encode(emptied),
        "URL-safe base64": encode(url_safe),
        "another order": json.dumps(dict(reversed(unsorted.items()))).encode(),
        "an unsigned field": encode(extra),
        "a space": entry.replace(b'":', b'": ', 1),
    }


@pytest.mark.parametrize("name", loosened(b'{"payload":"","signatures":[{"sig":""}]}'))
def test_ours_refuses_what_it_accepts_by_mistake(
    check: Check, log: LogBuilder, entries: list[bytes], name: str
) -> None:
    decider = log.decider.public
    ours = [entry for entry in entries if open_envelope(entry).kind not in ABOUT_KEYS]
    changed = [loosened(entry)[name] for entry in ours]
    pairs = [(new, old) for new, old in zip(changed, ours, strict=True) if new != old]
    assert pairs
    assert check([new for new, _ in pairs], decider) == [decider.hex] * len(pairs)
    for new, _ in pairs:
        with pytest.raises(EnvelopeError):
            open_envelope(new)
