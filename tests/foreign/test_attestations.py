"""Attestations and overrides before go-securesystemslib: anybody can check who signed."""

import base64
import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from signing.attestation import attest
from signing.canonical import encode
from support.logs import seeded
from support.trust import CAROL, an_override

SIGNER = seeded(1)
MADE = attest("run-7", "targets.csv", "ab" * 32, created_us=5, by="alice", signer=SIGNER)


@pytest.mark.requirement("S4-03")
@pytest.mark.requirement("S4-04")
def test_it_accepts_what_was_signed(foreign: Callable[..., CompletedProcess[str]]) -> None:
    override = an_override().encode()
    keys = (SIGNER.public.hex, CAROL.public.hex)
    done = foreign("envelopecheck", *keys, lines=[MADE, override])
    assert done.stdout.splitlines() == list(keys)
    stranger = seeded(9).public.hex
    refused = foreign("envelopecheck", stranger, lines=[MADE, override]).stdout.splitlines()
    assert all(line.startswith("refused") for line in refused)


@pytest.mark.requirement("S4-03")
def test_it_refuses_another_payload_and_another_type(
    foreign: Callable[..., CompletedProcess[str]],
) -> None:
    outer = json.loads(MADE)
    statement = json.loads(base64.b64decode(outer["payload"]))
    statement["subject"][0]["digest"]["sha256"] = "cd" * 32
    other = outer | {"payload": base64.b64encode(encode(statement)).decode()}
    retyped = outer | {"payloadType": "application/vnd.writ.override.v1+json"}
    done = foreign("envelopecheck", SIGNER.public.hex, lines=[encode(other), encode(retyped)])
    assert [line[:7] for line in done.stdout.splitlines()] == ["refused"] * 2


@pytest.mark.requirement("S4-03")
def test_it_is_the_statement_that_in_toto_describes() -> None:
    outer = json.loads(MADE)
    assert outer["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(outer["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "targets.csv", "digest": {"sha256": "ab" * 32}}]
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
