"""The ceremony from nothing, and every way in which it says what is missing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from signing.trust import (
    PUBLISH_DAYS_MAX,
    Draft,
    Repository,
    TrustError,
    complete,
    propose_overlays,
    propose_root,
    propose_targets,
    publish,
    sign_draft,
)
from signing.trust.targets import TARGET_BYTES_MAX
from support.trust_attacks import OVERLAY, OVERLAYS
from support.trust_root import (
    ANNA,
    BERT,
    CARL,
    COUNCIL,
    DAY_US,
    DORA,
    FILES,
    MALLORY,
    NOW_US,
    OTHER_PUBLISHER,
    PUBLISHER,
    YEAR_US,
    TrustFolder,
    officer,
    signature,
    trust_folder,
)

pytestmark = pytest.mark.requirement("W-04")

END_US = NOW_US + 100 * DAY_US


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(TrustError) as refused:
        act()
    assert refused.value.remedy
    return refused.value.code


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_from_nothing_to_published(tmp_path: Path) -> None:
    made = TrustFolder(tmp_path)
    assert made.begin().follows == ("targets", "publish")
    assert made.roots.signed_by == {"anna", "bert"}
    assert made.targets().follows == ("publish",)
    assert code_of(made.verify) == "metadata-missing"
    made.publish()
    assert made.overlays(OVERLAYS).follows == ("publish",)
    made.publish()
    assert set(made.verify().targets) == {*FILES, OVERLAY}
    names = {name.split(".", 1)[1] for name in files_of(tmp_path) if name.startswith("targets/")}
    assert names == {"manifest.json", "data.json", "policy.wasm", "a.json"}
    assert {name for name in files_of(tmp_path) if name.startswith("metadata/")} == {
        "metadata/1.root.json",
        "metadata/1.targets.json",
        "metadata/1.risk.json",
        "metadata/1.snapshot.json",
        "metadata/2.snapshot.json",
        "metadata/timestamp.json",
    }


def test_the_first_root_needs_its_officers(tmp_path: Path) -> None:
    draft = sign_draft(propose_root(COUNCIL, None, END_US), ANNA, None)
    repository = Repository(tmp_path / "root")
    assert code_of(lambda: complete(draft, repository, None, NOW_US)) == "draft-short"
    assert not (tmp_path / "root").exists()


def test_a_second_first_root_is_refused(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    draft = propose_root(replace(COUNCIL, publisher=MALLORY.public), None, END_US)
    for signer in (ANNA, BERT):
        draft = sign_draft(draft, signer, None)
    assert code_of(lambda: complete(draft, made.repository, None, NOW_US)) == "version-taken"
    made.root(COUNCIL, ANNA, BERT)
    assert code_of(lambda: complete(draft, made.repository, None, NOW_US)) == "root-needed"


def test_targets_need_a_root_to_trust(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    draft = propose_targets(made.repository, made.roots, FILES, END_US)
    assert code_of(lambda: complete(draft, made.repository, None, NOW_US)) == "root-needed"


def test_signatures_that_count_for_nothing_are_left_out(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    draft = propose_targets(made.repository, made.roots, FILES, END_US)
    for signer in (ANNA, BERT):
        draft = sign_draft(draft, signer, made.roots)
    metadata = draft.open()
    further = signature(MALLORY, metadata.signed.to_dict())
    text = draft.metadata.replace(
        b'"signatures": [', b'"signatures": [' + repr(further).replace("'", '"').encode() + b","
    )
    noisy = Draft.parse(replace(draft, metadata=text).encode())
    assert len(noisy.open().signatures) == 3
    complete(noisy, made.repository, made.pinned, NOW_US)
    assert len(made.read("2.targets.json")["signatures"]) == 2


def test_a_draft_that_came_too_late(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    old = propose_targets(made.repository, made.roots, FILES, END_US)
    for _ in range(2):
        made.targets()
    assert code_of(lambda: made.finish(old, ANNA, BERT)) == "draft-stale"
    new = propose_targets(made.repository, made.roots, FILES, NOW_US)
    assert code_of(lambda: made.finish(new, ANNA, BERT)) == "draft-expired"


def test_two_drafts_of_one_version(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    drafts = [
        propose_targets(made.repository, made.roots, FILES, END_US + n * DAY_US) for n in range(2)
    ]
    made.finish(drafts[0], ANNA, BERT)
    assert code_of(lambda: made.finish(drafts[1], ANNA, BERT)) == "version-taken"
    assert made.publish().expires_us["targets"] == END_US


def test_what_no_targets_may_name(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    for files, code in [
        ({OVERLAY: b""}, "target-name"),
        ({"../manifest.json": b""}, "target-name"),
        ({f"release/{n}": b"" for n in range(65)}, "targets-many"),
        ({"release/x": bytes(TARGET_BYTES_MAX + 1)}, "target-long"),
    ]:
        act = lambda files=files: propose_targets(made.repository, made.roots, files, END_US)  # noqa: E731  it is handed on
        assert code_of(act) == code
    assert code_of(lambda: propose_overlays(made.repository, FILES, END_US)) == "target-name"
    assert code_of(lambda: propose_root(COUNCIL, made.roots, -1)) == "time"


def test_an_officer_who_is_removed_counts_for_nothing_at_once(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    council = COUNCIL.removing("bert")
    assert code_of(lambda: made.root(council, ANNA, BERT)) == "draft-short"
    done = made.root(council, ANNA, CARL)
    assert done.follows == ("targets", "publish")
    assert code_of(made.verify) == "targets-short"
    made.targets(FILES, ANNA, CARL)
    made.publish()
    assert made.verify().signed_by["targets"] == {"anna", "carl"}


def test_an_officer_who_joins_changes_nothing_else(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    assert made.root(COUNCIL.adding(officer("dora", DORA)), ANNA, BERT).follows == ()
    made.verify()


def test_a_rotated_key_signs_no_more(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    done = made.root(COUNCIL.rotating("bert", BERT.public, DORA.public), ANNA, BERT, DORA)
    assert done.follows == ("targets", "publish")
    draft = propose_targets(made.repository, made.roots, FILES, END_US)
    assert code_of(lambda: sign_draft(draft, BERT, made.roots)) == "signer-unknown"
    made.targets(FILES, ANNA, DORA)
    assert made.publish().signed_by["targets"] == {"anna", "bert"}


def test_a_risk_officer_who_leaves_takes_the_overlays_along(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    council = COUNCIL.replacing(officer("anna", ANNA, roles=("risk",)))
    made.root(council, ANNA, BERT)
    made.targets()
    done = made.root(council.removing("carl"), ANNA, BERT)
    assert done.follows == ("risk", "publish")
    made.overlays(OVERLAYS, ANNA)
    assert made.publish().signed_by["risk"] == {"anna"}


# --- publishing -----------------------------------------------------------------------------------


def test_publishing_renews(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    floor = made.verify().floor
    made.now_us += 2 * DAY_US
    state = made.publish(days=5)
    assert state.versions["timestamp"] == state.versions["snapshot"] == 2
    assert state.holds_until_us == made.now_us + 5 * DAY_US
    made.verify(floor=floor)
    assert made.verify(floor=state.floor).floor == state.floor


def test_publishing_is_for_days_and_by_the_publisher(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    for days in (0, -1, PUBLISH_DAYS_MAX + 1):
        assert code_of(lambda days=days: made.publish(days)) == "publish-days"
    made.publish(PUBLISH_DAYS_MAX)
    for signer in (ANNA, OTHER_PUBLISHER):
        act = lambda signer=signer: publish(made.repository, made.pinned, signer, NOW_US)  # noqa: E731  it is handed on
        assert code_of(act) == "publisher-other"


def test_a_new_publisher(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    done = made.root(COUNCIL.publishing_with(OTHER_PUBLISHER.public), ANNA, BERT)
    assert done.follows == ("publish",)
    assert code_of(made.verify) == "timestamp-short"
    assert code_of(made.publish) == "publisher-other"
    made.publisher = OTHER_PUBLISHER
    assert made.publish().council.publisher == OTHER_PUBLISHER.public


def test_nothing_is_published_that_would_be_refused(tmp_path: Path) -> None:
    made = TrustFolder(tmp_path)
    made.begin()
    assert code_of(made.publish) == "metadata-missing"
    made.targets(days=5)
    made.publish()
    before = files_of(tmp_path)
    made.now_us += 6 * DAY_US
    assert code_of(made.publish) == "targets-expired"
    made.forge("1.targets.json", lambda signed: None, ANNA)
    assert code_of(made.publish) == "targets-short"
    assert {name for name in files_of(tmp_path) if "snapshot" in name} == {
        name for name in before if "snapshot" in name
    }


def test_an_expired_root_is_followed_by_the_next(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.now_us += 3 * YEAR_US
    assert code_of(made.verify) == "root-expired"
    made.root(COUNCIL, ANNA, BERT)
    made.targets()
    made.publish()
    assert made.verify().versions == {"root": 2, "timestamp": 2, "snapshot": 2, "targets": 2}
    assert PUBLISHER.public == made.verify().council.publisher
