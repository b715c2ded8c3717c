"""`writ trust`: from two public keys to a root in force, and what its officers change in it."""

import json
import shutil
from pathlib import Path

import pytest

from signing.keys import Ed25519Signer
from support.ceremony import Ceremony
from vault.signers import load_key


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ceremony:
    return Ceremony(tmp_path, capsys, monkeypatch)


def next_root(desk: Ceremony, *change: str | Path) -> Path:
    """The draft of a changed root."""
    draft = desk.home / "next.draft"
    desk.must("trust", *change, *desk.at("anna"), "--out", draft)
    return draft


@pytest.mark.requirement("W-04")
def test_two_officers_found_a_trust_root(desk: Ceremony) -> None:
    draft = desk.init("anna:risk,compliance", "ben")
    shown = desk.must("trust", "show", draft, "-o", "json").json
    assert (shown["role"], shown["version"], shown["missing"]) == ("root", 1, 2)
    assert shown["digest"] == desk.digest(draft)
    assert {c["name"] for c in shown["changes"] if c["part"] == "officer"} == {"anna", "ben"}
    first = desk.sign("anna", draft)
    short = desk.writ("trust", "publish", first, "--trust", desk.trust)
    assert (short.status, "draft-short" in short.err) == (1, True)
    assert not desk.trust.exists()
    told = desk.must(
        "trust", "publish", first, desk.sign("ben", draft), "--trust", desk.trust, "-o", "json"
    )
    file = Path(told.json["file"])
    assert file == desk.trust / "metadata" / "1.root.json"
    shutil.copy(file, desk.home / "anna" / "root.json")
    found = desk.must("trust", "show", *desk.at("anna"), "-o", "json").json
    assert found["root"] == {"version": 1, "sha256": told.json["sha256"]}
    assert [one["name"] for one in found["officers"]] == ["anna", "ben"]
    assert (found["threshold"], found["development"], found["targets"]) == (2, False, [])
    assert "2 of 2 officers" in desk.must("trust", "show", *desk.at("anna")).out


@pytest.mark.attack
@pytest.mark.requirement("W-04")
def test_one_officer_is_never_two(desk: Ceremony) -> None:
    """The same officer signs both copies: that is one signature, with one key or with two."""
    draft = desk.init("anna", "ben")
    copy = desk.sign("anna", draft)
    again = desk.home / "again.draft"
    shutil.copy(copy, again)
    desk.must("trust", "sign", again, "--key", desk.key("anna"), "--yes", desk.digest(draft))
    said = desk.writ("trust", "publish", copy, again, "--trust", desk.trust)
    assert (said.status, "draft-short" in said.err) == (1, True)
    stranger = ("--key", desk.key("pub"), "--yes", desk.digest(draft))
    said = desk.writ("trust", "sign", again, *stranger)
    assert (said.status, "signer-unknown" in said.err) == (1, True)


@pytest.mark.requirement("W-04")
def test_one_of_two_is_for_development_alone(desk: Ceremony) -> None:
    named = [f"--officer=anna={desk.public('anna')}", "--publisher", desk.public("pub")]
    out = ("--out", desk.home / "d")
    for threshold in ("0", "1", "3"):
        said = desk.writ("trust", "init", *named, "--threshold", threshold, *out)
        assert said.status == 2, threshold
    desk.must("trust", "init", *named, "--threshold", "1", "--development", *out)
    shown = desk.must("trust", "show", desk.home / "d")
    assert "one officer alone is enough" in shown.out


@pytest.mark.parametrize(
    "officer", ["anna", "Anna={pub}", "anna:boss={pub}", "anna=/nowhere", "={pub}", "anna={key}"]
)
def test_officers_who_cannot_be(desk: Ceremony, officer: str) -> None:
    text = officer.format(pub=desk.public("anna"), key=desk.key("anna"))
    ben = f"ben={desk.public('ben')}"
    rest = ("--publisher", desk.public("pub"), "--out", desk.home / "d")
    said = desk.writ("trust", "init", "--officer", text, "--officer", ben, *rest)
    assert said.status == 2
    assert "what to do:" in said.err
    assert not (desk.home / "d").exists()
    twice = ("--officer", f"anna={desk.public('ben')}", "--officer", ben)
    said = desk.writ("trust", "init", *twice, *rest)
    assert (said.status, "key-twice" in said.err) == (2, True)


@pytest.mark.attack
@pytest.mark.requirement("W-04")
def test_what_was_not_read_is_not_signed(desk: Ceremony) -> None:
    draft = desk.init("anna", "ben")
    before, digest = draft.read_bytes(), desk.digest(draft)
    key = ("--key", desk.key("anna"))
    for yes in ("y", "yes", digest[:8], digest[:-1] + "x", ""):
        said = desk.writ("trust", "sign", draft, *key, "--yes", yes)
        assert (said.status, "not-confirmed" in said.err) == (1, True)
    for typed in ("yes\n", "y\n", digest[:7] + "\n", "\n\n"):
        assert desk.writ("trust", "sign", draft, *key, typed=typed).status == 1
    assert draft.read_bytes() == before
    desk.must("trust", "sign", draft, *key, typed=digest[:8] + "\n")
    assert draft.read_bytes() != before


@pytest.mark.requirement("W-04")
def test_officers_come_and_go(desk: Ceremony) -> None:
    desk.founded("anna", "ben")
    desk.permitted()
    change = ("officer", "add", "carl", "--public-key", desk.public("carl"), "--role", "risk")
    draft = next_root(desk, *change)
    shown = desk.must("trust", "show", draft, *desk.at("ben"), "-o", "json").json
    assert [(c["part"], c["name"]) for c in shown["changes"]] == [
        ("officer", "carl"), ("threshold", "must sign"),
    ]  # fmt: skip
    alone = desk.writ("trust", "publish", desk.sign("anna", draft), *desk.at("pub"))
    assert (alone.status, "draft-short" in alone.err) == (1, True)
    copies = [desk.sign(name, draft) for name in ("anna", "ben")]
    desk.must("trust", "publish", *copies, *desk.at("pub"))
    shutil.copy(desk.home / "anna" / "root.json", desk.home / "carl" / "root.json")
    found = desk.must("trust", "show", *desk.at("carl"), "-o", "json").json
    assert [one["name"] for one in found["officers"]] == ["anna", "ben", "carl"]
    assert found["root"]["version"] == 2

    draft = next_root(desk, "officer", "remove", "ben")
    copies = [desk.sign(name, draft) for name in ("anna", "carl")]
    said = desk.must("trust", "publish", *copies, *desk.at("pub"))
    assert "manifest draft" in said.err, "what ben had signed counts for nothing now"
    said = desk.writ("trust", "show", *desk.at("anna"))
    assert (said.status, "step 6" in said.err) == (1, True)
    ghost = ("trust", "officer", "remove", "ben", *desk.at("anna"), "--out", desk.home / "g")
    assert desk.writ(*ghost).status == 2


@pytest.mark.requirement("W-04")
def test_fewer_officers_take_a_smaller_number(desk: Ceremony) -> None:
    desk.founded("anna", "ben", "carl")
    draft = next_root(desk, "rotate", "--threshold", "3")
    copies = [desk.sign(name, draft) for name in ("anna", "ben", "carl")]
    desk.must("trust", "publish", *copies, *desk.at("pub"))
    remove = ("trust", "officer", "remove", "carl", *desk.at("anna"), "--out", desk.home / "d")
    said = desk.writ(*remove)
    assert (said.status, "threshold-high" in said.err) == (2, True)
    shown = desk.must(*remove, "--threshold", "2", "-o", "json").json
    assert {(c["name"], c["old"], c["effect"]) for c in shown["changes"][1:]} == {
        ("must sign", "3 of 3 officers", "looser"),
    }  # fmt: skip


@pytest.mark.requirement("W-04")
def test_keys_are_replaced_and_roots_renewed(desk: Ceremony) -> None:
    desk.founded("anna", "ben")
    desk.permitted()
    old, new = desk.public("anna"), desk.public("anna-new")
    draft = next_root(desk, "rotate", "anna", "--old", old, "--new", new)
    shown = desk.must("trust", "show", draft, *desk.at("ben"), "-o", "json").json
    assert {(c["part"], c["change"]) for c in shown["changes"]} == {
        ("key", "added"), ("key", "removed"),
    }  # fmt: skip
    copies = [desk.sign(name, draft) for name in ("anna", "ben")]
    shutil.copy(desk.home / "anna" / "root.json", desk.home / "anna-new" / "root.json")
    copies.append(desk.sign("anna-new", draft))
    desk.must("trust", "publish", *copies, *desk.at("pub"))

    draft = desk.home / "again.draft"
    desk.must("trust", "rotate", *desk.at("ben"), "--valid-days", "30", "--out", draft)
    assert desk.must("trust", "show", draft, *desk.at("ben"), "-o", "json").json["changes"] == []
    stale = desk.home / "stale.draft"
    shutil.copy(draft, stale)
    copies = [desk.sign(name, draft) for name in ("anna-new", "ben")]
    desk.must("trust", "publish", *copies, *desk.at("pub"))
    said = desk.writ("trust", "show", stale, *desk.at("ben"))
    assert (said.status, "draft-stale" in said.err) == (1, True)
    for odd in (("rotate", "anna"), ("rotate", "anna", "--old", old), ("rotate", "--new", new)):
        assert desk.writ("trust", *odd, *desk.at("ben"), "--out", draft).status == 2


@pytest.mark.requirement("W-04")
def test_another_publisher(desk: Ceremony) -> None:
    desk.founded("anna", "ben")
    desk.permitted()
    draft = next_root(desk, "rotate", "--publisher", desk.public("pub-new"), "--threshold", "2")
    copies = [desk.sign(name, draft) for name in ("anna", "ben")]
    renew = ("trust", "publish", *desk.at("pub"), "--publisher-key")
    desk.must("trust", "publish", *copies, *desk.at("pub"))
    said = desk.writ(*renew, desk.key("pub"))
    assert (said.status, "publisher-other" in said.err) == (1, True)
    desk.must(*renew, desk.key("pub-new"))
    assert desk.must("trust", "show", *desk.at("anna"), "-o", "json").json["targets"]


@pytest.mark.requirement("W-04")
def test_renewing_needs_the_publisher_and_nobody_else(desk: Ceremony) -> None:
    desk.founded("anna", "ben")
    desk.permitted()
    before = desk.must("trust", "show", *desk.at("anna"), "-o", "json").json["versions"]
    assert desk.writ("trust", "publish", *desk.at("pub")).status == 2
    officer = desk.writ("trust", "publish", *desk.at("pub"), "--publisher-key", desk.key("anna"))
    assert (officer.status, "publisher-other" in officer.err) == (1, True)
    desk.must("trust", "publish", *desk.at("pub"), "--publisher-key", desk.key("pub"))
    after = desk.must("trust", "show", *desk.at("anna"), "-o", "json").json["versions"]
    assert after["timestamp"] == before["timestamp"] + 1
    assert after["targets"] == before["targets"]


@pytest.mark.attack
@pytest.mark.requirement("W-04")
def test_a_folder_of_the_past_is_refused(desk: Ceremony) -> None:
    """Whoever hands out the folder shows an officer an older one than they have seen."""
    desk.founded("anna", "ben")
    desk.permitted()
    past = desk.home / "past"
    shutil.copytree(desk.trust, past)
    desk.permitted()
    desk.must("trust", "show", *desk.at("anna"))
    shown = ("--trust", past, "--root", desk.home / "anna" / "root.json")
    for command in (("trust", "show"), ("manifest", "show")):
        said = desk.writ(*command, *shown)
        assert (said.status, "step 4" in said.err) == (1, True)
    empty = desk.home / "empty"
    (empty / "metadata").mkdir(parents=True)
    shutil.copy(desk.trust / "metadata" / "1.root.json", empty / "metadata")
    said = desk.writ("trust", "show", "--trust", empty, "--root", desk.home / "anna" / "root.json")
    assert said.status == 1, "nothing published is older than something"
    seen = desk.home / "anna" / "root.json.seen"
    for text in ("", "{}", "[1]", json.dumps({"root": -1})):
        seen.write_text(text)
        said = desk.writ("trust", "show", *desk.at("anna"))
        assert said.status in {1, 2}
        assert said.out == ""


@pytest.mark.attack
@pytest.mark.requirement("W-04")
def test_a_folder_of_other_officers_is_refused(desk: Ceremony) -> None:
    """The root that an officer holds decides, not the one that lies in the folder."""
    desk.founded("anna", "ben")
    mine = (desk.home / "anna" / "root.json").read_bytes()
    shutil.rmtree(desk.trust)
    desk.founded("mallory", "eve")
    (desk.home / "anna" / "root.json").write_bytes(mine)
    add = ("trust", "officer", "add", "x", "--public-key", desk.public("x"), *desk.at("anna"))
    for command in (("trust", "show", *desk.at("anna")), (*add, "--out", desk.home / "d")):
        said = desk.writ(*command)
        assert (said.status, "root-other" in said.err) == (1, True)


def test_files_that_are_none(desk: Ceremony) -> None:
    desk.founded("anna", "ben")
    odd = desk.home / "odd"
    for data in (b"", b"{}", b"\xff", b'{"v":1}'):
        odd.write_bytes(data)
        assert desk.writ("trust", "show", odd, *desk.at("anna")).status == 2
        where = ("--trust", desk.trust, "--root", odd)
        assert desk.writ("trust", "show", *where).status == 1
    assert desk.writ("trust", "show").status == 2
    assert desk.writ("trust", "publish", "--trust", desk.trust).status == 2
    nowhere = ("--trust", desk.trust, "--root", desk.home / "none")
    assert desk.writ("trust", "show", *nowhere).status == 2


@pytest.mark.requirement("W-04")
def test_an_officers_key_has_a_passphrase(desk: Ceremony) -> None:
    new = ("keys", "new", "--kind", "officer", "--out", desk.home / "k")
    said = desk.writ(*new)
    assert (said.status, "passphrase" in said.err) == (2, True)
    assert not (desk.home / "k").exists()
    (desk.home / "pass").write_text("correct horse\n")
    desk.must(*new, "--passphrase-file", desk.home / "pass")
    public = Ed25519Signer(load_key(desk.home / "k" / "officer.key", b"correct horse")).public.hex
    assert (desk.home / "k" / "officer.pub").read_text() == f"{public}\n"
    draft = desk.init("anna", "ben", threshold="2")
    sign = ("trust", "sign", draft, "--key", desk.home / "k" / "officer.key")
    said = desk.writ(*sign, "--yes", desk.digest(draft))
    assert (said.status, "key-passphrase" in said.err) == (2, True)
    said = desk.writ(*sign, "--yes", desk.digest(draft), "--passphrase-file", desk.home / "pass")
    assert (said.status, "signer-unknown" in said.err) == (1, True)
