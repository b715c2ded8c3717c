"""What one risk officer adds stays until it ends, or until all officers take it back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from signing.trust import Floor, Repository, TrustError, propose_targets, verify_trust
from signing.trust.latest import STRANGERS_MAX
from signing.trust.targets import LIFTED_FIELD, target_path
from support.overlays import overlay_files
from support.trust_attacks import OVERLAY, OVERLAYS
from support.trust_root import (
    ANNA,
    BERT,
    CARL,
    COUNCIL,
    DAY_US,
    FILES,
    MALLORY,
    NOW_US,
    TrustFolder,
    officer,
    trust_folder,
)

pytestmark = pytest.mark.requirement("W-04")


def refusal_of(act: Callable[[], object]) -> str:
    with pytest.raises(TrustError) as refused:
        act()
    assert refused.value.remedy
    return refused.value.code


def refusal(made: TrustFolder, floor: Floor | None = None) -> str:
    return refusal_of(lambda: made.verify(floor=floor))


def forge_without_overlays(made: TrustFolder) -> None:
    """A risk officer signs an empty set by hand, and whoever has the publisher's key helps."""
    made.forge(
        "1.risk.json", lambda signed: signed.update(version=2, targets={}), CARL, to="2.risk.json"
    )
    snapshot = f"{made.repository.latest('snapshot')}.snapshot.json"
    made.forge(
        snapshot, lambda signed: signed["meta"]["risk.json"].update(version=2), made.publisher
    )
    made.republish()


def test_overlays_stay_when_the_officers_sign_something_else(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    floor = made.verify().floor
    made.targets({**FILES, "release/data.json": b"{}"})
    state = made.publish()
    assert OVERLAY in state.targets
    forge_without_overlays(made)
    assert refusal(made, floor=floor) == "overlay-removed"
    assert refusal(made, floor=state.floor) == "overlay-removed"


def test_what_the_officers_lift_counts_no_more_and_may_go(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    floor = made.verify().floor
    made.targets(lift=(OVERLAY,))
    made.publish()
    assert OVERLAY not in made.verify(floor=floor).targets  # though it is named there still
    forge_without_overlays(made)
    made.verify(floor=floor)
    # Whoever has not looked since is not left behind by targets about something else.
    made.targets({**FILES, "release/data.json": b"{}"})
    made.publish()
    assert OVERLAY not in made.verify(floor=floor).targets


def test_only_the_overlay_that_was_meant_is_lifted(tmp_path: Path) -> None:
    both = {**OVERLAYS, "overlays/b.json": b"[]"}
    made = trust_folder(tmp_path, overlays=both)
    floor = made.verify().floor
    made.targets(lift=(OVERLAY,))
    state = made.publish()
    assert "overlays/b.json" in state.targets
    forge_without_overlays(made)
    assert refusal(made, floor=floor) == "overlay-removed"


def test_an_overlay_that_has_ended_may_go(tmp_path: Path) -> None:
    made = trust_folder(
        tmp_path, overlays=overlay_files(effective_from_us=NOW_US, expires_us=NOW_US + DAY_US)
    )
    floor = made.verify().floor
    forge_without_overlays(made)
    assert refusal(made, floor=floor) == "overlay-removed"
    made.now_us = NOW_US + DAY_US
    state = made.verify(floor=floor)
    assert not state.floor.overlays
    evidence = dict(state.metadata)
    evidence |= {target_path(t.name, t.sha256): t.read() for t in state.targets.values()}
    verify_trust(Repository.of_files(evidence), made.pinned, made.now_us, floor)


def test_an_overlay_whose_file_is_lost_has_not_ended(tmp_path: Path) -> None:
    made = trust_folder(
        tmp_path, overlays=overlay_files(effective_from_us=NOW_US, expires_us=NOW_US + DAY_US)
    )
    floor = made.verify().floor
    forge_without_overlays(made)
    made.now_us = NOW_US + DAY_US
    (file,) = (tmp_path / "targets" / "overlays").iterdir()
    file.write_bytes(file.read_bytes().replace(b"news", b"nuws"))
    assert refusal(made, floor=floor) == "overlay-removed"
    file.unlink()
    assert refusal(made, floor=floor) == "overlay-removed"


def test_overlays_end_with_the_last_risk_officer_where_the_others_lift_them(
    tmp_path: Path,
) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    floor = made.verify().floor
    made.root(COUNCIL.replacing(officer("carl", CARL)), ANNA, BERT)
    assert refusal(made, floor=floor) == "risk-short"
    assert refusal_of(made.targets) == "overlay-removed"
    made.targets(lift=(OVERLAY,))
    made.publish()
    state = made.verify(floor=floor)
    assert OVERLAY not in state.targets
    assert "risk" not in state.versions


@pytest.mark.parametrize(
    "lifted",
    [
        {},
        [],
        {"manifest.json": "0" * 64},
        {OVERLAY: "0" * 63},
        {OVERLAY: 1},
        {f"overlays/{n}.json": "0" * 64 for n in range(65)},
    ],
    ids=["empty", "list", "no-overlay", "short-digest", "number", "many"],
)
def test_what_is_lifted_has_one_writing(tmp_path: Path, lifted: object) -> None:
    made = trust_folder(tmp_path)
    made.forge("1.targets.json", lambda signed: signed.update({LIFTED_FIELD: lifted}), ANNA, BERT)
    made.republish()
    assert refusal(made) == "targets-form"


def test_a_risk_officer_lifts_nothing(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    lifted = {OVERLAY: made.verify().targets[OVERLAY].sha256}
    made.forge("1.risk.json", lambda signed: signed.update({LIFTED_FIELD: lifted}), CARL)
    made.republish()
    assert refusal(made) == "targets-form"


def test_the_ceremony_keeps_what_stands(tmp_path: Path) -> None:
    files = overlay_files(effective_from_us=NOW_US, expires_us=NOW_US + DAY_US)
    made = trust_folder(tmp_path, overlays={**OVERLAYS, **files})
    made.targets()  # about something else, and not published yet
    for kept in ({}, files, {**files, OVERLAY: b"{ }"}):
        assert refusal_of(lambda kept=kept: made.overlays(kept)) == "overlay-removed"
    made.publish()
    assert refusal_of(lambda: made.overlays(OVERLAYS)) == "overlay-removed"
    made.now_us += DAY_US
    made.overlays(OVERLAYS)
    assert refusal_of(lambda: made.overlays({})) == "overlay-removed"


def test_an_overlay_that_was_lifted_comes_back_under_another_name_alone(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    made.targets(lift=(OVERLAY,))
    made.publish()
    assert refusal_of(lambda: made.overlays(OVERLAYS)) == "overlay-lifted"
    made.overlays({OVERLAY: b"{ }"})
    assert OVERLAY in made.publish().targets


def test_what_is_not_there_cannot_be_lifted(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    assert refusal_of(lambda: made.targets(lift=(OVERLAY,))) == "overlay-unknown"


def test_what_has_ended_is_named_no_longer(tmp_path: Path) -> None:
    files = overlay_files(effective_from_us=NOW_US, expires_us=NOW_US + DAY_US)
    made = trust_folder(tmp_path, overlays=files)
    made.targets(lift=tuple(files))
    made.targets()
    assert list(made.read("3.targets.json")["signed"][LIFTED_FIELD]) == list(files)
    made.now_us += DAY_US
    made.targets()
    assert LIFTED_FIELD not in made.read("4.targets.json")["signed"]


# --- files that nobody signed ---------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize("role", ["targets", "risk"])
@pytest.mark.parametrize("kind", ["junk", "one-signature", "other-number", "unsigned"])
def test_a_file_that_too_few_signed_stops_nobody(tmp_path: Path, role: str, kind: str) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    floor = made.verify().floor
    signers = {"one-signature": (ANNA,), "other-number": (ANNA, BERT, CARL)}.get(kind, ())
    number = 7 if kind == "other-number" else 999
    made.forge(
        f"1.{role}.json",
        lambda signed: signed.update(version=number, targets={}),
        *signers,
        to=f"999.{role}.json",
    )
    if kind == "junk":
        made.path(f"999.{role}.json").write_bytes(b"\0junk")
    assert made.publish().versions[role] == 1
    made.verify(floor=floor)
    made.targets(lift=(OVERLAY,)) if role == "targets" else made.overlays(
        {**OVERLAYS, "overlays/b.json": b"1"}
    )
    assert made.publish().versions[role] == 1000
    made.verify(floor=floor)


@pytest.mark.attack
def test_nothing_older_is_published_because_the_newest_does_not_count(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.targets({}, ANNA, BERT)  # a revocation
    made.publish()
    made.forge("2.targets.json", lambda signed: None, ANNA)
    assert refusal_of(made.publish) == "targets-short"


def test_a_folder_full_of_strangers_says_so(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    for number in range(2, 3 + STRANGERS_MAX):
        made.path(f"{number}.targets.json").write_bytes(b"junk")
    assert refusal_of(made.publish) == "files-many"


def test_a_file_with_an_absurd_number_is_not_looked_at(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.path(f"{'9' * 13}.targets.json").write_bytes(b"junk")
    draft = propose_targets(made.repository, made.roots, FILES, NOW_US + DAY_US)
    assert draft.version == 2
    made.path(f"{'9' * 12}.targets.json").write_bytes(b"junk")
    assert refusal_of(made.targets) == "versions-used-up"
    made.verify()


@pytest.mark.attack
def test_a_root_that_nobody_signed_stops_no_change_of_officers(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.path("9.root.json").write_bytes(b"junk")
    made.root(COUNCIL.requiring(3), ANNA, BERT, CARL)
    assert made.roots.version == 2


def test_no_number_is_used_twice(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.path(f"{'9' * 12}.snapshot.json").write_bytes(b"junk")
    assert refusal_of(made.publish) == "versions-used-up"


@pytest.mark.attack
def test_a_stranger_adds_no_overlay(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    made.forge(
        "1.risk.json",
        lambda signed: signed.update(version=2, targets={}),
        MALLORY,
        to="2.risk.json",
    )
    assert made.publish().versions["risk"] == 1
