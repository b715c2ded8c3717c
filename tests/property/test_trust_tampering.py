"""Whatever is done to a trust root's bytes, the verifier refuses it or says what it said before."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.trust import Repository, TrustError, verify_trust
from support.trust_root import ANNA, BERT, COUNCIL, NOW_US, trust_folder

pytestmark = [pytest.mark.requirement("W-04"), pytest.mark.attack]

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, bytes, dict[str, Any]]:
    """Every file, the pinned root, and what the verifier says of them."""
    folder: Path = tmp_path_factory.mktemp("trust")
    made = trust_folder(folder, overlays={"overlays/a.json": b"{}"})
    made.root(COUNCIL, ANNA, BERT)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return files, made.pinned, said(files, made.pinned)


def said(files: Files, pinned: bytes) -> dict[str, Any]:
    state = verify_trust(Repository.of_files(files), pinned, NOW_US)
    targets = {name: target.read() for name, target in state.targets.items()}
    return {**state.floor.to_dict(), "files": targets, "officers": state.council}


def refused_or_the_same(files: Files, sound: tuple[Files, bytes, dict[str, Any]]) -> None:
    refused: list[TrustError] = []
    found: dict[str, Any] = {}
    try:
        found = said(files, sound[1])
    except TrustError as error:
        refused.append(error)
    if refused:
        assert all(error.step and error.code for error in refused)
        return
    # A root that is left out shows nowhere but in what was accepted last.
    if "metadata/2.root.json" not in files:
        found |= {"root": 2, "root_digest": sound[2]["root_digest"]}
    assert found == sound[2]


@given(data=st.data())
def test_bytes(sound: tuple[Files, bytes, dict[str, Any]], data: st.DataObject) -> None:
    files = dict(sound[0])
    path = data.draw(st.sampled_from(sorted(files)))
    old = files[path]
    at = data.draw(st.integers(0, len(old)))
    cut = data.draw(st.integers(0, 8))
    files[path] = old[:at] + data.draw(st.binary(max_size=8)) + old[at + cut :]
    refused_or_the_same(files, sound)


@given(data=st.data())
def test_files(sound: tuple[Files, bytes, dict[str, Any]], data: st.DataObject) -> None:
    """A file is gone, or stands in the place of another."""
    files = dict(sound[0])
    path = data.draw(st.sampled_from(sorted(files)))
    other = data.draw(st.sampled_from([*sorted(files), ""]))
    if other:
        files[path] = files[other]
    else:
        del files[path]
    refused_or_the_same(files, sound)


def places(value: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every way from a document down to a value in it."""
    found = [way] if way else []
    inner = enumerate(value) if isinstance(value, list) else ()
    inner = value.items() if isinstance(value, dict) else inner
    for key, item in inner:
        found += places(item, (*way, key))
    return found


JSON = st.sampled_from(
    [None, True, False, 0, 1, 2, -1, 2**53, "", "x", [], {}, [1], {"a": 1}, "DEL"]
)


@given(data=st.data(), new=JSON)
def test_values(
    sound: tuple[Files, bytes, dict[str, Any]], data: st.DataObject, new: object
) -> None:
    """Any one value of any metadata is another, or gone."""
    files = dict(sound[0])
    names = [name for name in sorted(files) if name.startswith("metadata/")]
    path = data.draw(st.sampled_from(names))
    document = json.loads(files[path])
    *way, last = data.draw(st.sampled_from(places(document)))
    holder = document
    for key in way:
        holder = holder[key]
    if new == "DEL":
        del holder[last]
    else:
        holder[last] = new
    files[path] = json.dumps(document, indent=1, sort_keys=True).encode()
    refused_or_the_same(files, sound)
