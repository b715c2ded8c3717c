"""`writ manifest`: a plan becomes a draft, two officers sign it at home, anybody publishes it."""

import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from signing import canonical
from signing.canonical import decode_object
from signing.manifest import encode_manifest, parse_manifest
from signing.rendering.release import FILES
from signing.trust import Draft, Repository, propose_targets, read_roots
from support.ceremony import FROM, LATER, PLAN, TODAY, Ceremony
from support.manifests import DEMO, edited, manifest, manifest_fields, release_files

FAR_US = 1_900_000_000_000_000


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ceremony:
    found = Ceremony(tmp_path, capsys, monkeypatch)
    found.founded("anna:risk", "ben")
    return found


def crafted(desk: Ceremony, files: dict[str, bytes]) -> Path:
    """A draft that the command line would not have made."""
    pinned = (desk.home / "anna" / "root.json").read_bytes()
    repository = Repository(desk.trust)
    draft = propose_targets(repository, read_roots(repository, pinned), files, FAR_US)
    path = desk.home / "crafted.draft"
    path.write_bytes(draft.encode())
    return path


def targets(release: dict[str, bytes], data: bytes) -> dict[str, bytes]:
    return {"manifest.json": data, **{f"release/{name}": file for name, file in release.items()}}


@pytest.mark.requirement("S1-15")
@pytest.mark.requirement("S1-02")
def test_two_officers_permit_a_release(desk: Ceremony) -> None:
    said = desk.writ("manifest", "show", *desk.at("anna"))
    assert (said.status, "no-manifest" in said.err) == (1, True)
    draft = desk.draft()
    shown = desk.must("manifest", "show", draft, *desk.at("ben"), "-o", "json").json
    limits = {c["name"]: c["new"] for c in shown["changes"] if c["part"] == "limit"}
    assert limits["order_notional_max"] == "100,000 USD"
    assert shown["full"]["acknowledgement 2026-01"] == "I have read the limits.\nI agree."
    assert shown["full"]["notional per day"] == "250,000.5 USD"

    first = desk.sign("anna", draft)
    short = desk.publish(first)
    assert (short.status, "draft-short" in short.err) == (1, True)
    assert desk.publish(first, desk.sign("ben", draft)).status == 0
    found = desk.must("manifest", "show", *desk.at("anna"), "-o", "json").json
    fields = found["manifest"]
    assert (found["valid_now"], found["digest"]) == (
        True, canonical.digest(canonical.encode(fields)),
    )  # fmt: skip
    assert fields["strategies"] == ["momentum", "value"]
    assert (fields["epoch"], fields["mode"]) == (1, "PAPER")
    assert fields["ceilings"]["notional_per_day_micros"] == 250_000_500_000
    until = TODAY + timedelta(days=300, hours=-2)
    assert fields["valid_until_us"] == int(until.timestamp()) * 1_000_000
    assert fields["release_digest"] == canonical.digest(release_files()["release.json"])
    assert "alpaca account PA1234" in desk.must("manifest", "show", *desk.at("ben")).out


@pytest.mark.requirement("S1-15")
def test_the_next_one_is_told_as_what_it_changes(desk: Ceremony) -> None:
    desk.permitted()
    limits = canonical.decode_object(release_files()["data.json"])["limits"]
    limits["global"]["order_notional_max_micros"] = 5_000_000_000
    folder = desk.home / "release"
    folder.mkdir()
    for name, data in edited(release_files(), limits=limits).items():
        (folder / name).write_bytes(data)
    plan = PLAN.replace('"PAPER"', '"LIVE"').replace("paper-api", "api")
    draft = desk.draft(plan, folder, by="ben")
    shown = desk.must("manifest", "show", draft, *desk.at("anna"), "-o", "json").json
    told = {(c["part"], c["name"]): (c["old"], c["new"], c["effect"]) for c in shown["changes"]}
    digests = (canonical.digest(release_files()["release.json"]),
               canonical.digest((folder / "release.json").read_bytes()), "")  # fmt: skip
    assert told == {
        ("mode", "mode"): ("PAPER", "LIVE", "looser"),
        ("host", "api.example.com:443 of account primary"): (None, None, "looser"),
        ("host", "paper-api.example.com:443 of account primary"): (None, None, "tighter"),
        ("epoch", "epoch"): ("1", "2", ""),
        ("release", "release"): digests,
        ("limit", "order_notional_max"): ("100,000 USD", "5,000 USD", "tighter"),
    }
    table = desk.must("manifest", "show", draft, *desk.at("anna")).out
    assert re.search(r"tighter +limit order_notional_max: from 100,000 USD to 5,000 USD +\n", table)
    assert re.search(r"looser +mode: from PAPER to LIVE +\n", table)
    assert desk.publish(desk.sign("anna", draft), desk.sign("ben", draft)).status == 0


@pytest.mark.requirement("S1-15")
def test_the_release_that_stands_is_kept_and_can_be_unpacked(desk: Ceremony) -> None:
    desk.permitted()
    draft = desk.draft(PLAN.replace("500", "400"), release=None)
    folder = desk.home / "unpacked"
    desk.must("manifest", "show", draft, *desk.at("ben"), "--unpack", folder)
    assert {name: (folder / "release" / name).read_bytes() for name in FILES} == release_files()
    assert parse_manifest((folder / "manifest.json").read_bytes()).ceilings.orders_per_day == 400
    desk.must("manifest", "show", *desk.at("ben"), "--unpack", folder)
    assert parse_manifest((folder / "manifest.json").read_bytes()).ceilings.orders_per_day == 500


@pytest.mark.requirement("S1-02")
def test_it_is_revoked_as_it_was_given(desk: Ceremony) -> None:
    desk.permitted()
    draft = desk.home / "revoke.draft"
    desk.must("manifest", "revoke", *desk.at("ben"), "--out", draft)
    shown = desk.must("manifest", "show", draft, *desk.at("anna"), "-o", "json").json
    assert {c["part"] for c in shown["changes"]} == {"mode", "account", "release"}
    assert shown["full"] == {"manifest": "none: nothing is permitted"}
    one = desk.sign("anna", draft)
    assert desk.publish(one).status == 1
    assert desk.publish(one, desk.sign("ben", draft)).status == 0
    assert desk.writ("manifest", "show", *desk.at("anna")).status == 1


@pytest.mark.requirement("S1-15")
def test_a_person_types_what_they_have_read(desk: Ceremony) -> None:
    draft = desk.draft()
    before, digest = draft.read_bytes(), desk.digest(draft)
    sign = ("manifest", "sign", draft, "--key", desk.key("anna"), *desk.at("anna"))
    said = desk.writ(*sign, typed="00000000\n")
    assert (said.status, "not-confirmed" in said.err) == (1, True)
    assert desk.writ(*sign, typed="").status == 1
    assert desk.writ(*sign, "--yes", digest[:8]).status == 1
    assert draft.read_bytes() == before
    said = desk.must(*sign, typed=digest[:8] + "\n")
    assert "I have read the limits." in said.out
    assert "signed by anna: 1 more must sign" in said.err
    assert Draft.parse(draft.read_bytes()).digest == digest
    assert desk.writ(*sign, "-o", "json").status == 2, "a program cannot read before it signs"
    said = desk.must(*sign, "-o", "json", "--yes", digest)
    assert (said.json["signed_by"], said.json["missing"]) == (["anna"], 1)


@pytest.mark.attack
@pytest.mark.requirement("S1-02")
@pytest.mark.requirement("W-04")
def test_no_one_signs_a_swapped_release(desk: Ceremony) -> None:
    """Words of one release, bytes of another: in the draft, in its manifest, or in its file."""
    files, other = release_files(), edited(release_files(), restricted={})
    data = canonical.encode(manifest_fields(files))
    sign = ("--key", desk.key("anna"), *desk.at("anna"))
    for bad in (
        targets(other, data),
        targets({**files, "policy.wasm": b"swapped"}, data),
        {"manifest.json": data},
        targets(files, b"{}"),
    ):
        draft = crafted(desk, bad)
        said = desk.writ("manifest", "sign", draft, *sign, "--yes", desk.digest(draft))
        assert (said.status, "permission-unreadable" in said.err) == (1, True)
        assert said.out == ""
    # A file is exchanged on the way, its digest in the metadata left as it was.
    draft = desk.draft()
    fields = json.loads(draft.read_bytes())
    fields["files"]["release/policy.wasm"] = fields["files"]["release/data.json"]
    draft.write_bytes(canonical.encode(fields))
    said = desk.writ("manifest", "sign", draft, *sign, "--yes", "0" * 64)
    assert (said.status, "draft-files" in said.err) == (1, True)


@pytest.mark.attack
@pytest.mark.requirement("S1-02")
def test_an_older_manifest_is_not_signed_again(desk: Ceremony) -> None:
    """Its epoch has passed, or its draft was made before what stands now."""
    desk.permitted()
    old = desk.draft()
    stale = desk.home / "stale.draft"
    shutil.copy(old, stale)
    assert desk.publish(desk.sign("anna", old), desk.sign("ben", old)).status == 0
    sign = ("--key", desk.key("anna"), *desk.at("anna"))
    said = desk.writ("manifest", "sign", stale, *sign, "--yes", desk.digest(stale))
    assert (said.status, "draft-stale" in said.err) == (1, True)
    again = crafted(desk, targets(release_files(), encode_manifest(manifest(epoch=2))))
    said = desk.writ("manifest", "sign", again, *sign, "--yes", desk.digest(again))
    assert (said.status, "epochs only rise" in said.err) == (1, True)
    said = desk.publish(again)
    assert (said.status, "epochs only rise" in said.err) == (1, True)


@pytest.mark.attack
@pytest.mark.requirement("W-04")
def test_one_officer_or_a_stranger_permits_nothing(desk: Ceremony) -> None:
    draft = desk.draft()
    anna = desk.sign("anna", draft)
    for stranger in ("pub", "eve"):
        desk.public(stranger)
        sign = ("--key", desk.key(stranger), *desk.at("anna"), "--yes", desk.digest(draft))
        said = desk.writ("manifest", "sign", anna, *sign)
        assert (said.status, "signer-unknown" in said.err) == (1, True)
    again = desk.home / "again.draft"
    shutil.copy(desk.sign("anna", draft), again)
    said = desk.publish(anna, again)
    assert (said.status, "draft-short" in said.err) == (1, True)
    other = desk.draft(PLAN.replace("500", "501"))
    said = desk.publish(anna, desk.sign("ben", other))
    assert (said.status, "draft-differs" in said.err) == (1, True)
    copies = [desk.sign(name, other) for name in ("anna", "ben")]
    wrong = (*desk.at("pub"), "--publisher-key", desk.key("anna"))
    said = desk.writ("manifest", "publish", *copies, *wrong)
    assert (said.status, "publisher-other" in said.err) == (1, True)
    assert desk.writ("manifest", "show", *desk.at("anna")).status == 1


@pytest.mark.requirement("S1-02")
def test_roots_and_manifests_are_not_mixed_up(desk: Ceremony) -> None:
    draft, root = desk.draft(), desk.home / "root.draft"
    yes = ("--key", desk.key("anna"), "--yes", desk.digest(draft))
    said = desk.writ("trust", "sign", draft, *desk.at("anna"), *yes)
    assert (said.status, "see writ manifest" in said.err) == (2, True)
    said = desk.writ("manifest", "sign", root, *desk.at("anna"), *yes)
    assert (said.status, "see writ trust" in said.err) == (2, True)
    said = desk.writ("trust", "publish", draft, *desk.at("pub"))
    assert (said.status, "manifest publish" in said.err) == (2, True)


def test_what_has_expired_is_left_out_only_when_asked(desk: Ceremony) -> None:
    desk.permitted()
    (desk.trust / "metadata" / "timestamp.json").unlink()
    plan = desk.home / "plan.toml"
    plan.write_text(PLAN)
    out = desk.home / "alone.draft"
    command = ("manifest", "draft", plan, *desk.at("anna"), "--release", DEMO, "--out", out)
    said = desk.writ(*command)
    assert (said.status, out.exists()) == (1, False)
    said = desk.writ(*command, "--without-active")
    assert (said.status, "epoch: is missing" in said.err) == (2, True)
    plan.write_text("epoch = 7\n" + PLAN)
    said = desk.must(*command, "--without-active", "-o", "json")
    assert "left out" in said.err
    assert {c["change"] for c in said.json["changes"]} == {"added"}
    assert said.json["full"]["epoch"] == "7"
    copies = [desk.sign(name, out, "--without-active") for name in ("anna", "ben")]
    publish = ("--publisher-key", desk.key("pub"), "--without-active")
    desk.must("manifest", "publish", *copies, *desk.at("pub"), *publish)
    shown = desk.must("manifest", "show", *desk.at("anna"), "-o", "json").json
    assert shown["manifest"]["epoch"] == 7


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('mode = "PAPER"', 'mode = "SIMULATION"', "mode"),
        ('environment = "production"\n', "", "environment: is missing"),
        ('at_lapse = "cancel"', 'at_lapse = "cancel"\nbypass = true', "bypass"),
        ('at_lapse = "cancel"', f'at_lapse = "cancel"\nrelease_digest = "{"a" * 64}"', "release_"),
        (FROM, FROM.removesuffix("Z"), "valid_from: is no instant"),
        (FROM, FROM[:10], "valid_from: is no instant"),
        (FROM, "1960-01-01T00:00:00Z", "valid_from_us"),
        (LATER, '"soon"', "attestations[0].valid_until"),
        ("250,000.50 USD", "250,000.50 EUR", "is in EUR"),
        ("250,000.50 USD", "250,00 USD", "notional_per_day"),
        ("250,000.50 USD", "1.0000001 USD", "notional_per_day"),
        ("250,000.50 USD", "0 USD", "notional_per_day_micros"),
        ("orders_per_day = 500", "orders_per_day = 0", "orders_per_day"),
        ("orders_per_day = 500", "orders_per_day = 5e2", "orders_per_day"),
        ('["paper-api.example.com:443"]', '["https://paper-api.example.com"]', "hosts[0]"),
        ('["paper-api.example.com:443"]', "[443]", "hosts[0]"),
        ("I agree.", "I agree.\t", "acknowledgement.text"),
        ("[ceilings]", "[ceilings", "the plan"),
    ],
    ids=range(18),  # the dates are others on another day
)
def test_a_plan_that_is_wrong_says_where(desk: Ceremony, old: str, new: str, where: str) -> None:
    assert old in PLAN
    plan, out = desk.home / "plan.toml", desk.home / "d"
    plan.write_text(PLAN.replace(old, new))
    command = ("manifest", "draft", plan, *desk.at("anna"), "--release", DEMO, "--out", out)
    said = desk.writ(*command)
    assert (said.status, out.exists()) == (2, False)
    assert where in said.err


def test_files_that_are_not_there(desk: Ceremony) -> None:
    plan, out = desk.home / "plan.toml", ("--out", desk.home / "d")
    plan.write_text(PLAN)
    draft = ("manifest", "draft")
    for bad in (
        (*draft, desk.home / "none", *desk.at("anna"), "--release", DEMO, *out),
        (*draft, plan, *desk.at("anna"), "--release", desk.home, *out),
        (*draft, plan, *desk.at("anna"), *out),
        ("manifest", "show", plan, *desk.at("anna")),
        ("manifest", "show"),
    ):
        said = desk.writ(*bad)
        assert (said.status, said.out) == (2, "")


@pytest.mark.requirement("S1-02")
def test_a_built_release_is_published_without_a_plan(desk: Ceremony) -> None:
    desk.permitted()
    folder, out = desk.home / "next", desk.home / "release.draft"
    folder.mkdir()
    tighter = decode_object((DEMO / "data.json").read_bytes())["limits"]
    tighter["global"]["order_notional_max_micros"] //= 2
    for name, data in edited(release_files(), limits=tighter).items():
        (folder / name).write_bytes(data)
    shown = desk.must(
        "policy", "publish", folder, *desk.at("anna"), "--out", out, "-o", "json"
    ).json
    changes = {(one["part"], one["name"]): one for one in shown["changes"]}
    assert set(changes) == {
        ("epoch", "epoch"), ("release", "release"), ("limit", "order_notional_max"),
    }  # fmt: skip
    assert changes["limit", "order_notional_max"]["new"] == "50,000 USD"
    before = desk.must("manifest", "show", *desk.at("ben"), "-o", "json").json["manifest"]
    assert desk.publish(desk.sign("anna", out), desk.sign("ben", out)).status == 0
    found = desk.must("manifest", "show", *desk.at("ben"), "-o", "json").json["manifest"]
    named = {
        "epoch": 2,
        "release_digest": canonical.digest((folder / "release.json").read_bytes()),
        "limits_digest": canonical.digest((folder / "data.json").read_bytes()),
    }
    assert found == {**before, **named}
    for name in FILES:  # found by its digest, and by nothing else
        digest = canonical.digest((folder / name).read_bytes())
        assert (desk.trust / "targets" / "release" / f"{digest}.{name}").exists()


@pytest.mark.requirement("S1-02")
def test_a_release_is_published_only_where_it_changes_something_alone(desk: Ceremony) -> None:
    folder, out = desk.home / "next", desk.home / "release.draft"
    publish = ("policy", "publish", folder, *desk.at("anna"), "--out", out)
    assert "no-manifest" in desk.writ(*publish).err
    desk.permitted()
    folder.mkdir()
    for name, data in release_files().items():
        (folder / name).write_bytes(data)
    assert "release-stands" in desk.writ(*publish).err
    for name, data in edited(release_files(), base_currency="EUR").items():
        (folder / name).write_bytes(data)
    assert "release-currency" in desk.writ(*publish).err
    (folder / "policy.wasm").write_bytes(b"")
    said = desk.writ(*publish)
    assert (said.status, "policy.wasm is not the file" in said.err) == (2, True)
    assert not out.exists()
