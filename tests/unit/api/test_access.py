"""The access file: hashed, private, changed in one step, and followed at once."""

from __future__ import annotations

import ast
import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.api.access import ENTROPY_BYTES, KEYS_MAX, NAMES_OF_PARTS, AccessFile, is_admin
from gateway.api.roles import SCOPES_OF, KeyScope, Role
from gateway.domain.errors import InvalidInputError, NotFoundError, UnavailableError

NOW_US = 1_800_000_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "access.json"


def add(path: Path, name: str = "alice", *scopes: str) -> str:
    entropy = os.urandom(ENTROPY_BYTES)
    return AccessFile(path).add(name, scopes or ("read",), entropy=entropy, now_us=NOW_US)


def test_a_key_is_found_with_its_name_and_scopes(path: Path) -> None:
    text = add(path, "alice", "read", "propose")
    principal = AccessFile(path).find(text)
    assert principal is not None
    assert (principal.name, principal.scopes) == ("alice", {"propose", "read"})


def test_a_key_looks_like_one_and_is_stored_nowhere(path: Path) -> None:
    text = add(path)
    prefix, key_id, secret = text.split("_", 2)
    assert (prefix, len(key_id), len(secret)) == ("writ", 8, 43)
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert secret.encode() not in everything


def test_the_file_is_its_owners_alone(path: Path) -> None:
    add(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key + "A",
        lambda key: key[:-1],
        lambda key: key.upper(),
        lambda key: " " + key,
        lambda key: key + "\n",
        lambda key: key.replace("writ_", "writ-"),
        lambda key: key.partition("_")[2],
        lambda _key: "",
        lambda _key: "writ_aaaaaaaa_" + "A" * 43,
        lambda _key: "\udcff",
    ],
)
def test_what_is_not_exactly_the_key_opens_nothing(
    path: Path, change: Callable[[str], str]
) -> None:
    text = add(path)
    assert AccessFile(path).find(change(text)) is None
    assert AccessFile(path).find(text) is not None


def test_no_file_means_no_keys(path: Path) -> None:
    assert AccessFile(path).find("writ_aaaaaaaa_" + "A" * 43) is None
    assert AccessFile(path).records() == []


def test_a_running_reader_follows_every_change_at_once(path: Path) -> None:
    reader = AccessFile(path)
    for number in range(20):
        text = add(path, f"user-{number}")
        assert reader.find(text) is not None
        AccessFile(path).revoke(f"user-{number}", now_us=NOW_US)
        assert reader.find(text) is None


def test_a_name_may_have_several_keys_and_loses_all_at_once(path: Path) -> None:
    first, second, other = add(path, "alice"), add(path, "alice"), add(path, "bob")
    revoked = AccessFile(path).revoke("alice", now_us=NOW_US)
    assert len(revoked) == 2
    reader = AccessFile(path)
    assert reader.find(first) is None
    assert reader.find(second) is None
    assert reader.find(other) is not None


def test_one_key_can_be_revoked_by_its_id(path: Path) -> None:
    first, second = add(path, "alice"), add(path, "alice")
    AccessFile(path).revoke(first.split("_")[1], now_us=NOW_US)
    assert AccessFile(path).find(first) is None
    assert AccessFile(path).find(second) is not None


def test_a_revoked_key_stays_on_the_list_and_cannot_be_revoked_again(path: Path) -> None:
    add(path, "alice")
    AccessFile(path).revoke("alice", now_us=NOW_US + 1)
    [record] = AccessFile(path).records()
    assert (record.added_us, record.revoked_us) == (NOW_US, NOW_US + 1)
    with pytest.raises(NotFoundError):
        AccessFile(path).revoke("alice", now_us=NOW_US)


@pytest.mark.parametrize("name", ["", "a b", "a\n", "é", "x" * 65, "none", "gate", "a/b", "\ud800"])
def test_a_name_that_could_not_stand_in_a_decision_is_refused(path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError):
        add(path, name)
    assert not path.exists()


@pytest.mark.parametrize("scopes", [["root"], ["read", "root"], ["READ"]])
def test_an_unknown_scope_is_refused(path: Path, scopes: list[str]) -> None:
    with pytest.raises(InvalidInputError):
        add(path, "alice", *scopes)


def test_a_key_without_scopes_is_refused(path: Path) -> None:
    with pytest.raises(InvalidInputError):
        AccessFile(path).add("alice", [], entropy=os.urandom(ENTROPY_BYTES), now_us=0)


def test_too_little_randomness_is_a_defect(path: Path) -> None:
    with pytest.raises(ValueError, match="random"):
        AccessFile(path).add("alice", ["read"], entropy=b"short", now_us=0)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_read_lets_nobody_in(path: Path, mode: int) -> None:
    text = add(path)
    path.chmod(mode)
    with pytest.raises(UnavailableError) as caught:
        AccessFile(path).find(text)
    assert caught.value.code == "access-file-unsafe"


def _with(document: dict, **changes: object) -> dict:
    return {**document, "keys": [{**document["keys"][0], **changes}]}


DAMAGES = {
    "not JSON": lambda _d: b"{",
    "another root": lambda _d: [],
    "another version": lambda d: {**d, "v": 3},
    "a version that is a truth": lambda d: {**d, "v": True},
    "roles before there were any": lambda d: {**d, "v": 1},
    "an unknown role": lambda d: _with(d, role="owner"),
    "a role as a list": lambda d: _with(d, role=["trader"]),
    "an unknown field": lambda d: {**d, "admin": True},
    "an unknown field of a key": lambda d: _with(d, admin=True),
    "an unknown scope": lambda d: _with(d, scopes=["root"]),
    "no scopes": lambda d: _with(d, scopes=[]),
    "scopes as text": lambda d: _with(d, scopes="read"),
    "no hash": lambda d: _with(d, sha256=""),
    "a hash of another kind": lambda d: _with(d, sha256="A" * 64),
    "a name that cannot be": lambda d: _with(d, name="a b"),
    "a time as text": lambda d: _with(d, revoked_us="0"),
    "a time before all": lambda d: _with(d, revoked_us=-1),
    "revoked as a boolean": lambda d: _with(d, revoked_us=False),
    "the same id twice": lambda d: {**d, "keys": d["keys"] * 2},
    "too many": lambda d: {**d, "keys": d["keys"] * (KEYS_MAX + 1)},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_lets_nobody_in(
    path: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    text = add(path)
    damaged = damage(json.loads(path.read_bytes()))
    path.write_bytes(damaged if isinstance(damaged, bytes) else json.dumps(damaged).encode())
    with pytest.raises(UnavailableError) as caught:
        AccessFile(path).find(text)
    assert caught.value.code == "access-file-unreadable"


def test_a_draft_left_by_a_crash_is_no_obstacle(path: Path) -> None:
    add(path)
    path.with_name("access.json.new").write_text("half")
    text = add(path, "bob")
    assert AccessFile(path).find(text) is not None


def test_racing_additions_are_all_kept(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda n: add(path, f"user-{n}"), range(24)))
    reader = AccessFile(path)
    assert all(reader.find(text) for text in texts)
    assert len({record.id for record in reader.records()}) == 24


def test_every_scope_can_be_given(path: Path) -> None:
    principal = AccessFile(path).find(add(path, "alice", *KeyScope))
    assert principal is not None
    assert principal.scopes == set(KeyScope)


def add_as(path: Path, name: str, role: str, *scopes: str) -> str:
    entropy = os.urandom(ENTROPY_BYTES)
    return AccessFile(path).add(name, scopes, role=role, entropy=entropy, now_us=NOW_US)


@pytest.mark.parametrize("role", list(Role))
def test_a_key_made_for_a_role_may_what_the_role_may(path: Path, role: Role) -> None:
    principal = AccessFile(path).find(add_as(path, "alice", role))
    assert principal is not None
    assert principal.scopes == SCOPES_OF[role]
    assert is_admin(AccessFile(path), "alice") == (role is Role.ADMIN)
    assert AccessFile(path).records()[0].role == role


@pytest.mark.parametrize(
    ("role", "scopes"), [("owner", ()), ("TRADER", ()), ("trader", ("admin",)), ("none", ())]
)
def test_a_role_is_a_known_one_and_stands_alone(
    path: Path, role: str, scopes: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        add_as(path, "alice", role, *scopes)
    assert caught.value.code == "access-role-unknown"
    assert not path.exists()


def keys_with(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(_with(json.loads(path.read_bytes()), **changes)))


def test_a_role_that_was_tightened_tightens_its_keys(path: Path) -> None:
    text = add_as(path, "alice", "trader")
    keys_with(path, scopes=["propose", "cancel", "read", "operate", "admin"])
    principal = AccessFile(path).find(text)
    assert principal is not None
    assert principal.scopes == SCOPES_OF[Role.TRADER]
    assert not is_admin(AccessFile(path), "alice")


def test_a_role_that_was_widened_leaves_its_keys_as_they_are(path: Path) -> None:
    text = add_as(path, "alice", "admin")
    keys_with(path, scopes=["read"])
    principal = AccessFile(path).find(text)
    assert principal is not None
    assert principal.scopes == {"read"}
    assert not is_admin(AccessFile(path), "alice")


def test_a_file_from_before_there_were_roles_is_read_and_goes_on(path: Path) -> None:
    text = add(path, "alice", "read", "admin")
    document = json.loads(path.read_bytes())
    assert document["v"] == 2
    [key] = document["keys"]
    del key["role"]
    path.write_text(json.dumps({"v": 1, "keys": [key]}))
    other = add_as(path, "bob", "auditor")
    reader = AccessFile(path)
    found = [reader.find(text), reader.find(other)]
    assert [one.scopes for one in found if one] == [{"read", "admin"}, SCOPES_OF[Role.AUDITOR]]


def test_nobody_can_go_by_the_name_of_a_part() -> None:
    """Every constant by which a part of the gateway stands in the record is reserved."""
    named = set[object]()
    for file in (Path(__file__).parents[3] / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "by":
                named.add(getattr(node.value, "value", None))
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) == "BY":
                named.add(getattr(node.value, "value", None))
    texts = {name for name in named if isinstance(name, str)}
    assert len(texts) > 5
    assert texts <= NAMES_OF_PARTS
