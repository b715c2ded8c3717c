"""`writ trust overlay` and `writ manifest lift`: one tightens, all of them loosen."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signing.overlay import LIFETIME_MAX_US, encode_overlay, parse_overlay
from signing.trust import Draft, Repository, propose_overlays
from support.ceremony import Ceremony, Said
from support.overlays import overlay

pytestmark = pytest.mark.requirement("W-04")

DAY = timedelta(days=1)


def at(moment: timedelta) -> str:
    return (datetime.now(UTC) + moment).isoformat(timespec="seconds")


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ceremony:
    found = Ceremony(tmp_path, capsys, monkeypatch)
    found.founded("anna:risk", "ben", "carl:compliance")
    found.permitted()
    return found


def typed(
    desk: Ceremony, name: str, *options: str, lasts: timedelta = DAY
) -> tuple[str | Path, ...]:
    end = ("--until", at(lasts), "--reason", "earnings news", "--out", desk.home / f"{name}.draft")
    return ("trust", "overlay", name, *options, *end, *desk.at("anna"))


def propose(desk: Ceremony, name: str, *options: str, lasts: timedelta = DAY) -> Path:
    desk.must(*typed(desk, name, *options, lasts=lasts))
    return desk.home / f"{name}.draft"


def crafted(desk: Ceremony, files: dict[str, bytes]) -> Path:
    """A draft that the command line would not have made."""
    draft = propose_overlays(Repository(desk.trust), files, now_us() + LIFETIME_MAX_US)
    path = desk.home / "crafted.draft"
    path.write_bytes(draft.encode())
    return path


def publish(desk: Ceremony, *copies: Path) -> Said:
    key = ("--publisher-key", desk.key("pub"))
    return desk.writ("trust", "publish", *copies, *desk.at("pub"), *key)


def in_force(desk: Ceremony, name: str, *options: str, lasts: timedelta = DAY) -> None:
    said = publish(desk, desk.sign("anna", propose(desk, name, *options, lasts=lasts)))
    assert said.status == 0, said.err


def stands(desk: Ceremony) -> dict[str, str]:
    shown = desk.must("trust", "show", *desk.at("ben"), "-o", "json").json
    return {one["name"]: one["reason"] for one in shown["overlays"]}


def test_one_risk_officer_tightens_at_once(desk: Ceremony) -> None:
    draft = propose(
        desk, "calm", "--cap", "order_notional_max=50000 USD", "--cap", "positions_max=3",
        "--restrict", "XYZ", "--restrict", "ACME",
    )  # fmt: skip
    shown = desk.must("trust", "show", draft, *desk.at("anna")).out
    told = " ".join(shown.split())
    assert "tighter limit order_notional_max: from 100,000 USD to 50,000 USD" in told
    assert "tighter added restricted ACME, XYZ" in told
    assert "earnings news" in told
    said = publish(desk, desk.sign("anna", draft))
    assert said.status == 0, said.err
    assert stands(desk) == {"calm": "earnings news"}
    shown = desk.must("trust", "show", *desk.at("ben")).out
    assert "order_notional_max at most 50,000 USD" in " ".join(shown.split())
    (name, data) = next(iter(Draft.parse(draft.read_bytes()).files.items()))
    made = parse_overlay(data)
    assert name == "overlays/calm.json"
    assert (made.gateway, made.restricted) == ("trading.example/log", ("ACME", "XYZ"))
    assert dict(made.caps) == {
        "order_notional_max_micros": 50_000_000_000, "positions_max_count": 3,
    }  # fmt: skip


def test_the_next_overlay_keeps_the_last(desk: Ceremony) -> None:
    in_force(desk, "calm", "--cap", "order_notional_max=50000 USD")
    draft = propose(desk, "calmer", "--cap", "order_notional_max=20000 USD", lasts=DAY / 2)
    shown = " ".join(desk.must("trust", "show", draft, *desk.at("ben")).out.split())
    assert "stays calm" in shown
    assert "limit order_notional_max: from 50,000 USD to 20,000 USD" in shown
    assert publish(desk, desk.sign("anna", draft)).status == 0
    assert set(stands(desk)) == {"calm", "calmer"}


@pytest.mark.attack
@pytest.mark.parametrize("who", ["carl", "ben", "pub"])
def test_no_one_else_signs_an_overlay(desk: Ceremony, who: str) -> None:
    draft = propose(desk, "calm", "--restrict", "ACME")
    copy = desk.home / "copy.draft"
    copy.write_bytes(draft.read_bytes())
    yes = ("--yes", desk.digest(draft))
    said = desk.writ("trust", "sign", copy, "--key", desk.key(who), *desk.at("anna"), *yes)
    assert (said.status, "signer-unknown" in said.err) == (1, True)
    short = publish(desk, draft)
    assert (short.status, "draft-short" in short.err) == (1, True)
    assert not stands(desk)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--cap", "order_notional_max=100000 USD"), "100,000 USD is not below 100,000 USD"),
        (("--cap", "order_notional_max=5000000 USD"), "5,000,000 USD is not below 100,000 USD"),
        (
            ("--restrict", "ACME", "--cap", "leverage_max=9 x"),
            "leverage_max: 9 x is not below",
        ),
    ],
    ids=["same", "raised", "one-of-two"],
)
def test_what_tightens_nothing_is_refused_in_words(
    desk: Ceremony, options: tuple[str, ...], told: str
) -> None:
    said = desk.writ(*typed(desk, "wide", *options))
    assert (said.status, "overlay-loose" in said.err) == (1, True)
    assert told in " ".join(said.err.split())
    assert not (desk.home / "wide.draft").exists()


def test_what_stands_for_as_long_is_not_tightened_again(desk: Ceremony) -> None:
    in_force(desk, "calm", "--restrict", "ACME", "--cap", "positions_max=2", lasts=2 * DAY)
    for options in (("--restrict", "ACME"), ("--cap", "positions_max=2")):
        assert "overlay-loose" in desk.writ(*typed(desk, "again", *options)).err
    # For longer it does have an effect.
    propose(desk, "longer", "--restrict", "ACME", "--cap", "positions_max=2", lasts=3 * DAY)


@pytest.mark.attack
def test_a_cap_is_not_raised_by_signing_it_again(desk: Ceremony) -> None:
    in_force(desk, "calm", "--cap", "order_notional_max=50000 USD")
    again = desk.writ(*typed(desk, "calm", "--cap", "order_notional_max=90000 USD"))
    assert (again.status, "overlay-stands" in again.err) == (1, True)
    raised = overlay(
        caps={"order_notional_max_micros": 90_000_000_000},
        restricted=[],
        effective_from_us=now_us(),
        expires_us=now_us() + 86_400_000_000,
    )
    draft = crafted(desk, {raised.target: encode_overlay(raised)})
    shown = " ".join(desk.must("trust", "show", draft, *desk.at("anna")).out.split())
    assert "looser removed overlay calm" in shown
    said = publish(desk, desk.sign("anna", draft))
    assert (said.status, "overlay-removed" in said.err) == (1, True)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--cap", "order_notional_max"),
        ("--cap", "order_notional_max=50000 EUR"),
        ("--cap", "order_notional_max_micros=5"),
        ("--cap", "spread_max=1 %"),
        ("--restrict", "acme"),
        ("--restrict", "ACME", "--from", "tomorrow"),
        ("--restrict", "ACME", "--from", "2026-02-30T00:00:00Z"),
    ],
    ids=["nothing", "no-value", "currency", "unit-in-name", "uncappable", "symbol", "word", "day"],
)
def test_what_is_no_overlay_is_refused(desk: Ceremony, options: tuple[str, ...]) -> None:
    said = desk.writ(*typed(desk, "calm", *options))
    assert (said.status, "usage" in said.err) == (2, True)


@pytest.mark.parametrize("lasts", [-DAY, 32 * DAY], ids=["ended", "too-long"])
def test_an_overlay_is_for_days(desk: Ceremony, lasts: timedelta) -> None:
    assert desk.writ(*typed(desk, "calm", "--restrict", "ACME", lasts=lasts)).status == 2


def test_an_overlay_needs_its_end_and_its_reason(desk: Ceremony) -> None:
    where = ("--out", desk.home / "x.draft", *desk.at("anna"))
    assert desk.writ("trust", "overlay", "calm", "--restrict", "ACME", *where).status == 2
    assert desk.writ("trust", "overlay", "--restrict", "ACME", *where).status == 2


@pytest.mark.attack
@pytest.mark.parametrize("kind", ["no-overlay", "other-name"])
def test_nobody_signs_what_cannot_be_read(desk: Ceremony, kind: str) -> None:
    data = b"{}" if kind == "no-overlay" else encode_overlay(overlay(name="storm"))
    draft = crafted(desk, {"overlays/calm.json": data})
    yes = ("--yes", desk.digest(draft))
    said = desk.writ("trust", "sign", draft, "--key", desk.key("anna"), *desk.at("anna"), *yes)
    assert (said.status, "overlay-unreadable" in said.err) == (1, True)


def test_each_group_signs_its_own_drafts(desk: Ceremony) -> None:
    risk, manifest = propose(desk, "calm", "--restrict", "ACME"), desk.home / "manifest.draft"
    for group, draft in (("manifest", risk), ("trust", manifest)):
        key = ("--key", desk.key("anna"), *desk.at("anna"))
        assert desk.writ(group, "sign", draft, *key, "--yes", "0").status == 2


def test_all_officers_lift_what_one_of_them_tightened(desk: Ceremony) -> None:
    in_force(desk, "calm", "--restrict", "ACME", "--cap", "positions_max=2")
    in_force(desk, "other", "--restrict", "XYZ")
    draft = desk.home / "lift.draft"
    lift = ("manifest", "lift", "calm", *desk.at("ben"), "--out", draft)
    said = " ".join(desk.must(*lift).out.split())
    assert "looser removed overlay calm, which was positions_max at most 2" in said
    short = desk.publish(desk.sign("anna", draft))
    assert (short.status, "draft-short" in short.err) == (1, True)
    assert desk.publish(desk.sign("anna", draft), desk.sign("ben", draft)).status == 0
    assert set(stands(desk)) == {"other"}
    assert (
        desk.must("manifest", "show", *desk.at("anna"), "-o", "json").json["manifest"]["epoch"] == 1
    )
    # It stays lifted when they sign something else, and the name is free for another one.
    desk.permitted_again()
    assert set(stands(desk)) == {"other"}
    in_force(desk, "calm", "--restrict", "ACME")
    assert set(stands(desk)) == {"calm", "other"}


def test_what_does_not_stand_is_not_lifted(desk: Ceremony) -> None:
    said = desk.writ("manifest", "lift", "calm", *desk.at("ben"), "--out", desk.home / "l.draft")
    assert (said.status, "overlay-unknown" in said.err) == (2, True)


def test_where_nothing_is_permitted_nothing_is_tightened_or_lifted(desk: Ceremony) -> None:
    draft = desk.home / "revoke.draft"
    desk.must("manifest", "revoke", *desk.at("anna"), "--out", draft)
    assert desk.publish(desk.sign("anna", draft), desk.sign("ben", draft)).status == 0
    lift = ("manifest", "lift", "calm", *desk.at("ben"), "--out", draft)
    for words in (typed(desk, "calm", "--restrict", "ACME"), lift):
        said = desk.writ(*words)
        assert (said.status, "no-manifest" in said.err) == (1, True)


def test_the_overlays_of_an_officer_who_leaves_are_signed_anew(desk: Ceremony) -> None:
    in_force(desk, "calm", "--restrict", "ACME")
    root = desk.home / "root2.draft"
    change = ("--public-key", desk.public("dora"), "--role", "risk", "--threshold", "2")
    desk.must("trust", "officer", "add", "dora", *change, *desk.at("ben"), "--out", root)
    (desk.home / "dora" / "root.json").write_bytes((desk.home / "ben" / "root.json").read_bytes())
    signed = [desk.sign(name, root) for name in ("ben", "carl")]
    assert desk.writ("trust", "publish", *signed, *desk.at("pub")).status == 0
    desk.permitted_again("ben", "carl")
    root = desk.home / "root3.draft"
    desk.must("trust", "officer", "remove", "anna", *desk.at("ben"), "--out", root)
    signed = [desk.sign(name, root) for name in ("ben", "carl")]
    said = desk.writ("trust", "publish", *signed, *desk.at("pub"))
    assert "writ trust overlay --without-active" in said.err
    draft = desk.home / "anew.draft"
    desk.must("trust", "overlay", "--without-active", *desk.at("dora"), "--out", draft)
    said = publish(desk, desk.sign("dora", draft, "--without-active"))
    assert said.status == 0, said.err
    assert set(stands(desk)) == {"calm"}


@pytest.mark.attack
def test_a_stranger_in_the_folder_is_left_out_and_named(desk: Ceremony) -> None:
    metadata = desk.trust / "metadata"
    (metadata / "999.targets.json").write_text("{}")
    forged = json.loads((metadata / "1.targets.json").read_bytes())
    forged["signatures"] = forged["signatures"][:1]
    (metadata / "7.targets.json").write_text(json.dumps(forged))
    said = publish(desk)
    assert said.status == 0, said.err
    assert "left out: targets 999" in said.err
    assert desk.must("manifest", "show", *desk.at("anna"), "-o", "json").json["valid_now"]
