"""What officers signed, held against one gateway: each step by itself, on a real trust root."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signing.envelope import seal
from signing.keys import Ed25519Signer, Vkey
from signing.manifest import Account
from signing.permission import (
    STEP_NAMES,
    Here,
    NotPermittedError,
    Seen,
    Venue,
    Verified,
    holds_release,
    leads_there,
    verify_permission,
)
from signing.trust import Council, TrustState
from support.logs import decision_payload, seeded
from support.permitting import HERE, HOSTS, HOUR_US, LOG, PRIMARY, Officers, fields, manifest
from support.trust_root import ANNA, NOW_US, PUBLISHER, TrustFolder, officer

OTHER_LOG = Vkey(LOG.name, Ed25519Signer.generate().public)
DAY_US = 24 * HOUR_US


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    return Officers(tmp_path / "trust")


def verified(
    officers: Officers, here: Here = HERE, seen: Seen | None = None, at_us: int = NOW_US
) -> Verified:
    state: TrustState = officers.trust.verify()
    return verify_permission(state, here, seen or Seen(), at_us)


def refused(*given: Any, **more: Any) -> tuple[int, str]:
    with pytest.raises(NotPermittedError) as error:
        verified(*given, **more)
    assert error.value.detail
    assert error.value.remedy
    return error.value.step, error.value.code


def leading(**changes: Any) -> Here:
    """The same gateway, its account leading elsewhere."""
    account = replace(PRIMARY, **changes)
    return replace(HERE, accounts={"primary": Venue("PAPER", account)})


@pytest.mark.requirement("S1-13")
def test_a_manifest_for_this_gateway_passes_every_step(officers: Officers) -> None:
    digest = officers.sign()
    found = verified(officers)
    assert (found.digest, found.manifest) == (digest, manifest())
    assert set(STEP_NAMES) == set(range(1, 9))


@pytest.mark.requirement("S1-13")
def test_what_officers_took_back_is_refused_at_the_first_step(officers: Officers) -> None:
    officers.sign()
    officers.revoke()
    assert refused(officers) == (1, "manifest-revoked")


def test_what_is_no_manifest_is_refused(officers: Officers) -> None:
    officers.trust.targets({"manifest.json": b'{"mode":"PAPER","v":1}'})
    officers.trust.publish()
    assert refused(officers) == (2, "manifest-malformed")


@pytest.mark.attack
def test_a_signed_decision_is_no_manifest(officers: Officers) -> None:
    entry = seal("decision", decision_payload(1) | {"at_us": NOW_US}, seeded(3))
    officers.trust.targets({"manifest.json": entry})
    officers.trust.publish()
    assert refused(officers) == (2, "manifest-malformed")


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    ("environment", "mode", "code"),
    [
        ("development", "PAPER", ""),
        ("development", "LIVE", "root-development"),
        ("production", "PAPER", "root-development"),
    ],
)
def test_one_officer_alone_is_enough_in_development_and_never_for_live(
    tmp_path: Path, environment: str, mode: str, code: str
) -> None:
    alone = Council((officer("anna", ANNA),), 1, PUBLISHER.public, development=True)
    made = Officers.__new__(Officers)
    made.trust = TrustFolder(tmp_path / "trust")
    made.trust.begin(alone, ANNA)
    made.given = fields(environment=environment, mode=mode)
    made.sign(ANNA)
    here = Here(environment, LOG, {"primary": Venue(mode, PRIMARY)})
    if code:
        assert refused(made, here) == (3, code)
    else:
        assert verified(made, here).manifest.environment == environment


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
def test_a_manifest_for_another_environment_is_refused(officers: Officers) -> None:
    officers.sign(environment="staging")
    assert refused(officers) == (4, "environment-other")


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    "gateway",
    ["trading.example/other", str(OTHER_LOG), "trading.example/log2"],
    ids=["another origin", "another key", "a longer origin"],
)
def test_a_manifest_for_another_gateway_is_refused(officers: Officers, gateway: str) -> None:
    officers.sign(gateway=gateway)
    assert refused(officers) == (5, "gateway-other")


def test_a_manifest_may_name_the_one_log_and_not_only_its_origin(officers: Officers) -> None:
    officers.sign(gateway=str(LOG))
    assert verified(officers).manifest.gateway == str(LOG)


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
def test_an_older_epoch_is_refused_and_one_epoch_has_one_manifest(officers: Officers) -> None:
    digest = officers.sign(epoch=3)
    assert verified(officers, seen=Seen(3, digest)).digest == digest
    assert verified(officers, seen=Seen(2, "0" * 64)).digest == digest
    assert refused(officers, seen=Seen(4, digest)) == (6, "epoch-older")
    assert refused(officers, seen=Seen(3, "0" * 64)) == (6, "epoch-changed")


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    ("at_us", "code"),
    [
        (NOW_US - HOUR_US - 1, "manifest-early"),
        (NOW_US - HOUR_US, ""),
        (NOW_US + 300 * DAY_US - 1, ""),
        (NOW_US + 300 * DAY_US, "manifest-expired"),
    ],
    ids=["before", "first", "last", "after"],
)
def test_it_is_valid_from_its_first_moment_to_its_last(
    officers: Officers, at_us: int, code: str
) -> None:
    officers.sign()
    if code:
        assert refused(officers, at_us=at_us) == (7, code)
    else:
        assert verified(officers, at_us=at_us).manifest.valid_at(at_us)


def test_it_ends_with_the_first_attestation(officers: Officers) -> None:
    attestation = fields()["attestations"][0] | {"valid_until_us": NOW_US + HOUR_US}
    officers.sign(attestations=[attestation])
    assert verified(officers, at_us=NOW_US + HOUR_US - 1).manifest.mode == "PAPER"
    assert refused(officers, at_us=NOW_US + HOUR_US) == (7, "attestation-ended")


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    ("here", "code"),
    [
        (replace(HERE, accounts={}), "account-unknown"),
        (replace(HERE, accounts={"primary": Venue("LIVE", PRIMARY)}), "account-venue"),
        (replace(HERE, accounts={"primary": Venue("SIMULATION", PRIMARY)}), "account-venue"),
        (leading(broker="simulator"), "account-other"),
        (leading(broker_account="PA9999"), "account-other"),
        (leading(broker_account="none"), "account-other"),
        (leading(hosts=("api.example.com:443",)), "account-other"),
        (leading(hosts=(*HOSTS, "second.example.com:443")), "account-other"),
        (leading(hosts=()), "account-other"),
    ],
    ids=[
        *("unknown", "live", "simulated", "broker", "number", "no-number", "host"),
        *("one-host-more", "no-host"),
    ],
)
def test_an_account_that_leads_elsewhere_is_refused(
    officers: Officers, here: Here, code: str
) -> None:
    officers.sign()
    assert refused(officers, here) == (8, code)


def test_accounts_that_the_manifest_does_not_name_are_no_fault_of_it(officers: Officers) -> None:
    officers.sign()
    more = {**HERE.accounts, "other": Venue("SIMULATION", Account("simulator", "none", ()))}
    assert verified(officers, replace(HERE, accounts=more)).manifest.accounts.keys() == {"primary"}


@pytest.mark.attack
def test_a_release_that_matches_by_one_digest_alone_is_another() -> None:
    signed = manifest()
    digests = (signed.release_digest, signed.limits_digest)
    assert holds_release(signed, *digests)
    assert not holds_release(signed, digests[0], "0" * 64)
    assert not holds_release(signed, "0" * 64, digests[1])


@pytest.mark.attack
def test_a_live_host_under_a_paper_label_leads_elsewhere() -> None:
    live = replace(PRIMARY, hosts=("api.example.com:443",))
    assert leads_there(manifest(), "primary", Venue("PAPER", PRIMARY))
    assert not leads_there(manifest(), "primary", Venue("PAPER", live))
    assert not leads_there(manifest(), "primary", Venue("LIVE", PRIMARY))
    assert not leads_there(manifest(), "secondary", Venue("PAPER", PRIMARY))
