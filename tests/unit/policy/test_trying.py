"""`writ policy try`: one document, what each control says of it, and what is malformed in it."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.domain.decision import Reason, Verdict
from gateway.domain.errors import InvalidInputError
from gateway.policy.catalogue import ControlText, load_catalogue
from gateway.policy.release import Release, shipped_directory, shipped_release
from gateway.policy.release_data import parse_data
from gateway.policy.shape_check import PROBLEMS_MAX, document_schema, problems
from gateway.policy.trying import Tried, decide, explained, read_document
from signing import canonical
from support import policy_cases as cases

SCHEMA = document_schema()
WORDS = load_catalogue(shipped_directory()).controls


@pytest.fixture(scope="module")
def release() -> Release:
    data = canonical.encode(parse_parts())
    return replace(shipped_release(), data=data, parsed=parse_data(data))


def parse_parts() -> dict[str, Any]:
    found = cases.data()
    return {"base_currency": "USD", "restricted": {}, "permissions": {}} | found


def tried(release: Release, document: dict[str, Any]) -> tuple[bool, dict[str, Tried]]:
    verdict = decide(release, document)
    assert isinstance(verdict, Verdict)
    found = explained(verdict, WORDS, document, "USD")
    assert [one.passed for one in found] == sorted(one.passed for one in found)
    return verdict.allow, {one.control: one for one in found}


@pytest.mark.requirement("W-05")
def test_every_control_is_told_with_its_arithmetic(release: Release) -> None:
    allow, found = tried(release, cases.document())
    assert allow
    assert set(found) == set(WORDS)
    one = found["ORD-01"]
    assert (one.observed, one.limit, one.unit, one.source) == (1_000, 1_000, "micros", "global")
    assert one.arithmetic == "0.001 USD <= 0.001 USD: yes"
    assert one.limit_name == "order_notional_max_micros"
    assert found["OMEGA-2"].arithmetic == ""


@pytest.mark.requirement("W-05")
def test_a_denial_is_told_with_what_helps(release: Release) -> None:
    document = cases.put(cases.document(), ("order", "notional_micros"), 1_250_000_000)
    allow, found = tried(release, document)
    assert not allow
    assert not found["ORD-01"].passed
    assert found["ORD-01"].arithmetic == "1,250.00 USD <= 0.001 USD: no"
    assert found["ORD-01"].remedy
    assert found["ORD-01"].fix103 is not None
    assert found["ORD-01"].regulation
    assert found["ORD-02"].passed


TEXT = ControlText(
    "T-01", "t", "d", "low", "o", ("r",), 99, "bps", ("a.b",), ("margin_min_bps",), "help"
)


@pytest.mark.parametrize(
    ("reason", "passed", "arithmetic"),
    [
        (Reason("T-01", 5_000, 2_500, "global"), True, "50 % >= 25 %: yes"),
        (Reason("T-01", 2_000, 2_500, "account"), False, "20 % >= 25 %: no"),
        (Reason("T-01", 2_000, 2_500, "global"), True, "20 % < 25 %; proven another way"),
        (
            Reason("T-01", 5_000, 2_500, "global"),
            False,
            "50 % >= 25 %: yes, but something else is missing",
        ),
        (Reason("T-01", None, 2_500, "global"), False, "not known >= 25 %: no"),
        (Reason("T-01", None, 2_500, "global"), True, "the limit stands at 25 %"),
        (
            Reason("T-01", 5, 0, "global"),
            False,
            "0.05 % >= 0 %: no, a limit of zero proves nothing",
        ),
        (Reason("T-01", 5, None), False, "0.05 %"),
        (Reason("T-01", None, None), False, ""),
    ],
)
def test_arithmetic(reason: Reason, passed: bool, arithmetic: str) -> None:
    verdict = Verdict(
        allow=passed,
        required=("T-01",),
        passed=("T-01",) if passed else (),
        reasons=() if passed else (reason,),
        proofs=(reason,) if passed else (),
        halts=(),
        door={},
    )
    (one,) = explained(verdict, {"T-01": TEXT}, {}, "USD")
    assert one.arithmetic == arithmetic
    (unknown,) = explained(verdict, {}, {}, "USD")
    assert unknown.title == "this release says nothing about it"


def test_the_fixture_fits_its_schema() -> None:
    assert problems(cases.document(), SCHEMA) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("order", "side"), "hold", 'input.order.side: "hold" is not one of buy, sell'),
        (("order", "qty"), "10", 'input.order.qty: "10" is not an integer'),
        (("order", "qty"), True, "input.order.qty: true is not an integer"),
        (("order", "qty"), 0, "input.order.qty: 0 is not from 1 to 9007199254740991"),
        (("order", "limit_price"), "x", 'input.order.limit_price: "x" is not an integer or one of'),
        (("order", "surprise"), 1, "input.order.surprise is unknown"),
        (("order",), 5, "input.order: 5 is not an object"),
        (("salt",), "xyz", 'input.salt: "xyz" does not fit'),
        (("instrument", "sector"), "", 'input.instrument.sector: "" is too short or too long'),
        (("time", "session"), None, "input.time.session: null is not a string"),
        (("control", "halted"), 0, "input.control.halted: 0 is not a boolean"),
        (("v",), 1, "input.v: 1 is not one of 2"),
    ],
)
def test_what_is_malformed_is_told_by_its_path(
    path: tuple[str, ...], value: object, said: str
) -> None:
    (problem,) = problems(cases.put(cases.document(), path, value), SCHEMA)
    assert problem.startswith(said)


def test_what_is_missing_and_how_much_is_told() -> None:
    document = cases.document()
    del document["order"]["qty"]
    assert problems(document, SCHEMA) == ["input.order.qty is missing"]
    many = {f"part_{at}": at for at in range(100)}
    assert len(problems(many, SCHEMA)) == PROBLEMS_MAX


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "input.json:1: "),
        (b"{\n,", "input.json:2: "),
        (b"[]", "not an object"),
        (b"\xff", "input.json is not UTF-8"),
        (b'{"a": 1.5}', "input.a is 1.5, which is no integer"),
        (b'{"a": {"b": [0, 0.0]}}', "input.a.b[1] is 0.0, which is no integer"),
        (b'{"a": NaN}', "input.a is NaN, which is no integer"),
        (b'{"a": %s}' % (b"9" * 5_000), "999, which is beyond all integers"),
        (b'{"a": 1, "a": 2}', "'a' stands there twice"),
        (b"[" * 100_000, "longer than"),
        (b'{"a": ' * 5_000, ""),
        (b'{"a": %s%s}' % (b"[" * 980, b"]" * 980), ""),
    ],
)
def test_documents_that_are_none(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_document(data, "input.json")
    assert caught.value.code == "document-malformed"
    assert said in caught.value.detail


def test_numbers_beyond_any_reader(release: Release) -> None:
    with pytest.raises(InvalidInputError, match="document-malformed"):
        decide(release, {"a": 2**53})


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["policy", "try", *arguments])
    code = caught.value.code
    assert isinstance(code, int)
    return code


@pytest.fixture
def written(tmp_path: Path) -> Callable[[object], str]:
    def write(value: object) -> str:
        path = tmp_path / "input.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        return str(path)

    return write


def test_as_it_is_typed(
    written: Callable[[object], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = written(cases.document())
    assert run(path, "-o", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["allow"] is False
    assert told["release"]["digest"] == shipped_release().digest
    by_id = {one["control"]: one for one in told["controls"]}
    assert by_id["ORD-01"]["arithmetic"].endswith("no, a limit of zero proves nothing")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(path).read_bytes())))
    assert run("-") == 1
    assert "not proven" in capsys.readouterr().err


LISTS = {
    "instruments.json": "instruments",
    "permissions.json": "permissions",
    "restricted.json": "restricted",
}


def test_with_other_data_it_is_allowed(
    written: Callable[[object], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    parts = parse_parts()
    for name, part in LISTS.items():
        (given / name).write_text(json.dumps(parts[part]), encoding="utf-8")
    from gateway.policy.limits_file import limits_text  # noqa: PLC0415  beside its one use

    text = limits_text("USD", parts["limits"])
    (given / "limits.yaml").write_text(text, encoding="utf-8")
    path = written(cases.document())
    assert run(path, "--data", str(given)) == 0
    assert capsys.readouterr().err.strip() == "allowed"
    assert run(path, "--data", str(given), "--source", str(cases.SOURCE)) == 0


def test_a_malformed_document_is_denied_and_explained(
    written: Callable[[object], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(written({"order": {"side": "hold"}})) == 1
    told = capsys.readouterr().err
    assert 'malformed: input.order.side: "hold" is not one of buy' in told
    assert "malformed: input.order.qty is missing" in told


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("input.json", "--decision", "dec_1"),
        ("--decision", "dec_1"),
        ("input.json", "--log", "."),
        ("nowhere.json",),
        ("-", "--release", "policies", "--source", "policies"),
    ],
)
def test_what_cannot_be_asked(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    assert run(*arguments) == 2
    assert capsys.readouterr().out == ""
