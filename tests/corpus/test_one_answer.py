"""The module, the server and `opa eval` give the same canonical verdict, for every document."""

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.decision import EngineFailure
from gateway.policy import decode
from gateway.policy.release import Release
from signing import canonical
from support.corpus import BOUNDED, INDEX, INT_MAX, Case, data, instruments, plain, under_of
from support.policy_cases import Bench, Data, Document, opa_decides, put, raw
from support.three_engines import ServerBench, eval_says, opa_eval, said, said_of_halts, serving

pytestmark = [pytest.mark.requirement("S0-15"), pytest.mark.slow]


def differing(
    documents: Sequence[bytes], one: Sequence[bytes], other: Sequence[bytes]
) -> list[tuple[bytes, bytes, bytes]]:
    assert len(documents) == len(one) == len(other)
    return [row for row in zip(documents, one, other, strict=True) if row[1] != row[2]]


@pytest.mark.timeout(360)  # thousands of documents, and opa interprets each control
def test_eval_says_what_the_module_says(
    release: Release, documents: list[bytes], module_says: list[bytes]
) -> None:
    assert differing(documents, eval_says(release, documents), module_says) == []
    assert len(set(module_says)) > 300


@pytest.mark.timeout(360)
def test_the_server_says_what_the_module_says(
    server: ServerBench, documents: list[bytes], module_says: list[bytes]
) -> None:
    assert differing(documents, server.says(documents), module_says) == []


@pytest.mark.requirement("S2-02")
def test_all_three_agree_under_every_limit_at_zero_absent_and_at_its_edge(
    release: Release, cases: list[Case], bench: Bench
) -> None:
    moved = [case for case in cases if case.moved]
    assert len(moved) > 100
    under = [under_of(case) for case in moved]
    by_module = [
        said(bench.under(limits).decide([case.document])[0])
        for case, limits in zip(moved, under, strict=True)
    ]
    pairs = [(case.document, limits) for case, limits in zip(moved, under, strict=True)]
    assert [said(answer) for answer in opa_decides(pairs)] == by_module
    with serving(release) as server:
        by_server: list[bytes] = []
        for case, limits in zip(moved, under, strict=True):
            server.load(limits)
            by_server += server.says([raw(case.document)])
    assert by_server == by_module


@pytest.mark.parametrize("size", [1, 3, 16])
def test_mates_never_change_an_answer(
    bench: Bench, documents: list[bytes], module_says: list[bytes], size: int
) -> None:
    order = list(range(len(documents)))
    random.Random(size).shuffle(order)
    order = order[: len(order) if size == 16 else 400]
    shuffled = [documents[i] for i in order]
    answers = [said(a) for a in bench.under(data()).decide_encoded(shuffled, size)]
    assert differing(shuffled, answers, [module_says[i] for i in order]) == []


def test_mates_never_change_an_answer_of_the_server(
    server: ServerBench, documents: list[bytes], module_says: list[bytes]
) -> None:
    order = random.Random(5).sample(range(len(documents)), 320)
    shuffled = [documents[i] for i in order]
    assert differing(shuffled, server.says(shuffled), [module_says[i] for i in order]) == []
    alone = [server.says([document])[0] for document in shuffled[:40]]
    assert alone == [module_says[i] for i in order[:40]]


def reordered(rng: random.Random, value: Any) -> Any:  # noqa: ANN401  any JSON
    """The same value, the keys of every object in another order."""
    if isinstance(value, dict):
        rows = [(key, reordered(rng, item)) for key, item in value.items()]
        rng.shuffle(rows)
        return dict(rows)
    return [reordered(rng, item) for item in value] if isinstance(value, list) else value


def test_no_order_of_keys_changes_an_answer(
    release: Release, bench: Bench, server: ServerBench, cases: list[Case],
    documents: list[bytes], module_says: list[bytes],
) -> None:  # fmt: skip
    rng = random.Random(7)
    kept = [case.document for case in cases if not case.moved]
    chosen = rng.sample(range(len(kept)), 400)
    mixed = [
        json.dumps(reordered(rng, kept[i]), indent=rng.choice((None, 1))).encode() for i in chosen
    ]
    expected = [module_says[i] for i in chosen]
    assert mixed != [documents[i] for i in chosen]
    other = json.dumps(reordered(rng, data())).encode()
    assert other != release.data
    bench.under(data()).engine._policy.set_data(other)
    by_module = [said(answer) for answer in bench.decide_encoded(mixed)]
    bench.engine._policy.set_data(release.data)
    assert differing(mixed, by_module, expected) == []
    assert differing(mixed, eval_says(replace(release, data=other), mixed), expected) == []
    assert differing(mixed, server.says(mixed), expected) == []


def test_a_release_has_no_arrays_whose_order_could_matter(release: Release) -> None:
    def arrays(value: object) -> bool:
        if isinstance(value, dict):
            return any(map(arrays, value.values()))
        return isinstance(value, list)

    assert not arrays(json.loads(release.data))


WRITINGS = {
    # Rego looks a scale up by `qty_decimals`; 4.0 is an index to OPA and none to the module.
    "a scale with a point": ('"qty_decimals":4,', '"qty_decimals":4.0,'),
    # The module gives up on half of a surrogate pair, and on an exponent of nine digits.
    "half a character": ('"v":2', '"v":2,"\\ud800":1'),
    "an exponent without end": ('"v":2', '"v":2e999999999'),
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_what_is_known_to_differ_is_no_canonical_json_and_not_allowed_in_process(
    bench: Bench, server: ServerBench, writing: str
) -> None:
    good = raw(plain(random.Random(1), "SPY"))
    before, after = (part.encode() for part in WRITINGS[writing])
    assert before in good
    odd = good.replace(before, after)
    with pytest.raises(canonical.CanonicalError):
        canonical.decode(odd)
    (answer,) = bench.under(data()).decide_encoded([odd])
    assert isinstance(answer, EngineFailure) or not answer.allow
    # Should this ever be equal, the case belongs into the corpus.
    assert said(answer) != server.says([odd])[0]


amounts = st.integers(0, 3) | st.integers(0, INT_MAX)


@st.composite
def states(draw: st.DrawFn) -> Document:
    """Any order, its facts anywhere, and the odd part that is missing or no fact at all."""
    symbol = draw(st.sampled_from(sorted(instruments())))
    document = plain(random.Random(draw(st.integers(0, 2**32))), symbol)
    for place, limit in BOUNDED.values():
        near = st.sampled_from([data()["limits"]["global"][limit] + step for step in (-1, 0, 1)])
        if draw(st.booleans()):
            document = put(document, place, draw(near | amounts))
    odd = draw(st.lists(st.sampled_from([place for place, _ in BOUNDED.values()]), max_size=2))
    for place in odd:
        document = put(document, place, draw(st.none() | st.text(max_size=5) | st.floats(-1, 1)))
    assert place_is_whole(document)
    return document


def place_is_whole(document: Document) -> bool:
    return isinstance(document[INDEX[0]][INDEX[1]], int)


@settings(max_examples=25)
@given(st.lists(states(), min_size=1, max_size=16), st.randoms(use_true_random=False))
def test_both_engines_agree_beyond_the_corpus(
    bench: Bench, server: ServerBench, batch: list[Document], rng: random.Random
) -> None:
    encoded = [raw(document) for document in batch]
    expected = [said(answer) for answer in bench.under(data()).decide_encoded(encoded, 1)]
    assert server.says(encoded) == expected
    order = list(range(len(encoded)))
    rng.shuffle(order)
    mixed = [json.dumps(reordered(rng, batch[i])).encode() for i in order]
    wanted = [expected[i] for i in order]
    assert [said(answer) for answer in bench.decide_encoded(mixed)] == wanted
    assert server.says(mixed) == wanted


HALT_LIMITS = {
    "drawdown_bps": "drawdown_max_bps",
    "day_loss_micros": "day_loss_max_micros",
    "rejected_in_a_row": "rejections_in_a_row_max_count",
    "drift_bps": "reconciliation_drift_max_bps",
}
"""What the second query compares of an account, and with which limit."""


def halt_documents() -> list[Document]:
    """Every fact at its limit, one off, at zero, absent, no number; asked whole and in part."""
    limits: Data = data()["limits"]["global"]
    odd = ("absent", 0, 1, -1, "1", "none", None, True, 1.5, INT_MAX, INT_MAX + 1, [])

    def edges(name: str) -> tuple[Any, ...]:
        return (*(limits[name] + step for step in (-1, 0, 1)), *odd)

    calm = {"volatility_told": True, "volatility_index_e4": 1}
    quiet = {"drawdown_bps": 0, "day_loss_micros": 0, "rejected_in_a_row": 0, "drift_bps": 0}
    found: list[Document] = []
    for volatility, told in itertools.product(
        edges("volatility_index_max_e4"), (True, False, None, "absent")
    ):
        market = {"volatility_index_e4": volatility, "volatility_told": told}
        stated = {name: value for name, value in market.items() if value != "absent"}
        found.append({"known_only": False, "market": stated, "accounts": {"calm": quiet}})
    for fact, limit in HALT_LIMITS.items():
        for value, known_only in itertools.product(edges(limit), (False, True, None)):
            one = quiet | ({} if value == "absent" else {fact: value})
            if value == "absent":
                del one[fact]
            accounts = {"main": one, "calm": quiet}
            found.append({"known_only": known_only, "market": calm, "accounts": accounts})
    found += [{"market": calm, "accounts": odd} for odd in ({}, None, [], 1, {"a": None})]
    return [*found, {}, {"market": calm}]


@pytest.mark.requirement("S2-03")
def test_all_three_say_the_same_of_halts(
    release: Release, bench: Bench, server: ServerBench
) -> None:
    asked = halt_documents()
    bench.under(data())
    by_module = [said_of_halts(bench.halts(document)) for document in asked]
    query = (
        "[due | some facts in input.batch; due := data.writ.halts.triggered with input as facts]"
    )
    answers = opa_eval(release, query, raw({"batch": asked}))
    assert [said_of_halts(decode.halts(answer)) for answer in answers] == by_module
    assert [said_of_halts(server.halts(raw(document))) for document in asked] == by_module
    assert by_module.count(b"[]") >= 4
    assert len(set(by_module)) > 20
