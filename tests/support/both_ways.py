"""One document asked of the module and of ``opa eval``, and the data that it is decided under.

The module answers at once. Starting ``opa`` takes longer than its answer, so it is asked once for
each file of tests: :func:`opa_agrees` ends the fixture ``bench``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Final

from gateway.domain.decision import Verdict
from support.policy_cases import Bench, Data, Document, data, failing, opa_decides, put, raw


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was put, by which test, and the module's answer."""

    test: str
    document: bytes
    under: bytes
    answer: Verdict


ASKED: Final[list[Asked]] = []
"""What opa has not been asked yet."""

MODEL = {
    "volatility_e4": "MOD-01",
    "regime": "MOD-02",
    "entropy_e4": "MOD-03",
    "drift_e4": "MOD-04",
    "data_integrity": "MOD-05",
    "protocol_firing": "MOD-06",
}
"""What the models say, and the control that asks for it, in the documents of ``policy_cases``."""


def sole(bench: Bench, base: Document, under: Data) -> Verdict:
    """The module's verdict on one document."""
    (answer,) = bench.under(under).decide([base])
    assert isinstance(answer, Verdict)
    return answer


def both(bench: Bench, base: Document, under: Data) -> set[str]:
    """What fails in the module; :func:`opa_agrees` makes sure that opa itself says the same."""
    answer = sole(bench, base, under)
    ASKED.append(Asked(os.environ["PYTEST_CURRENT_TEST"], raw(base), raw(under), answer))
    return failing(answer)


def opa_agrees() -> None:
    """Ask opa itself whatever :func:`both` has asked, and fail where it answers otherwise."""
    asked = ASKED.copy()
    ASKED.clear()
    if not asked:
        return
    answers = opa_decides([(json.loads(one.document), json.loads(one.under)) for one in asked])
    other = [one for one, answer in zip(asked, answers, strict=True) if answer != one.answer]
    assert not other, f"opa and the module differ: {[one.test for one in other]}"


def with_limit(name: str, value: object) -> Data:
    """Data with one limit at another value for everyone."""
    return put(data(), ("limits", "global", name), value)
