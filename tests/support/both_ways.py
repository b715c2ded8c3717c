"""One document asked of the module and of ``opa eval``, and the data that it is decided under."""

from gateway.domain.decision import Verdict
from support.policy_cases import Bench, Data, Document, data, failing, opa_decides, put

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
    """What fails in the module, having made sure that opa itself says the same."""
    answer = sole(bench, base, under)
    assert opa_decides([(base, under)]) == [answer]
    return failing(answer)


def with_limit(name: str, value: object) -> Data:
    """Data with one limit at another value for everyone."""
    return put(data(), ("limits", "global", name), value)
