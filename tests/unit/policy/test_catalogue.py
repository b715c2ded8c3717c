"""Every denial can be explained in words, without opa."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.decision import Reason, Verdict
from gateway.policy.catalogue import CATALOGUE, SEVERITIES, encode_catalogue, load_catalogue
from gateway.policy.release import ReleaseError, shipped_directory, shipped_release
from signing import canonical
from support.policy_cases import Bench, data, document


@pytest.mark.requirement("W-05")
def test_every_control_that_can_deny_has_its_words(bench: Bench) -> None:
    (verdict,) = bench.under(data()).decide([document()])
    assert isinstance(verdict, Verdict)
    catalogue = load_catalogue(shipped_directory())
    assert tuple(sorted(catalogue.controls)) == verdict.required
    for text in catalogue.controls.values():
        assert text.title
        assert text.description
        assert text.remedy
        assert text.regulation
        assert text.owner
        assert text.severity in SEVERITIES
        assert 0 < text.fix103 <= 99
        assert "\n" not in text.description + text.remedy


def test_the_words_belong_to_the_release() -> None:
    assert load_catalogue(shipped_directory()).revision == shipped_release().revision


@pytest.mark.requirement("W-05")
def test_reasons_with_their_words() -> None:
    catalogue = load_catalogue(shipped_directory())
    known, unknown = Reason("ORD-01", 5, 3), Reason("NEW-01", None, None)
    assert catalogue.explain([known, unknown]) == [
        (known, catalogue.controls["ORD-01"]),
        (unknown, None),
    ]
    assert catalogue.controls["ORD-01"].limits == ("order_notional_max_micros",)


def test_what_is_written_is_read() -> None:
    catalogue = load_catalogue(shipped_directory())
    written = encode_catalogue(catalogue.revision, [*catalogue.controls.values()][::-1])
    assert written == (shipped_directory() / CATALOGUE).read_bytes()


Fields = dict[str, Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d | {"v": 2},
        lambda d: d | {"extra": 1},
        lambda d: {"v": 1},
        lambda d: [d],
        lambda d: d | {"controls": 5},
        lambda d: d | {"controls": [5]},
        lambda d: d | {"controls": [d["controls"][0] | {"extra": 1}]},
        lambda d: d | {"controls": [d["controls"][0] | {"title": 5}]},
        lambda d: d | {"controls": [d["controls"][0] | {"fix103": True}]},
        lambda d: d | {"controls": [d["controls"][0] | {"facts": "x"}]},
        lambda d: d | {"controls": [d["controls"][0] | {"facts": [5]}]},
    ],
)
def test_a_malformed_catalogue(tmp_path: Path, change: Callable[[Fields], object]) -> None:
    fields = canonical.decode_object((shipped_directory() / CATALOGUE).read_bytes())
    (tmp_path / CATALOGUE).write_bytes(canonical.encode(change(fields)))
    with pytest.raises(ReleaseError) as caught:
        load_catalogue(tmp_path)
    assert caught.value.code == "release-malformed"


def test_a_missing_catalogue(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shipped_directory(), tmp_path / "release"))
    (folder / CATALOGUE).unlink()
    with pytest.raises(ReleaseError) as caught:
        load_catalogue(folder)
    assert caught.value.code == "release-missing"
