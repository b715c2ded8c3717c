"""What the demonstration says of itself, checked: its exit status is 1 if a claim fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.demo.closing import Flip, Verified
from gateway.demo.schedule import COMPLETE_FROM
from gateway.demo.tally import HaltSeen, Tally

VOLATILITY: Final = "OMEGA2_VOLATILITY"

_OUTSIDE: Final = "asks only where orders leave the gateway; in SIMULATION none does"
NOT_MET: Final[Mapping[str, str]] = {
    "INP-01": "kept out by intake: what is malformed is refused before it is an order",
    "APR-01": "proves that the release signs a window; the gate compares the age with it",
    "LIV-01": _OUTSIDE,
    "MAN-01": _OUTSIDE,
    "MAN-02": "asks where an account leads; to the simulator all do, and SIMULATION is there",
    "MAN-03": _OUTSIDE,
    "MAN-04": _OUTSIDE,
    "MAN-05": _OUTSIDE,
    "RPL-01": "only a preview may name an order to replace; the door refuses it before it is one",
    "UNK-01": "the simulator says at once what became of an order, so none is ever in doubt",
}
"""Controls that no order through the door can fail under this release, and why."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence, and whether it held."""

    text: str
    held: bool


def of_run(tally: Tally, orders: int, proposed: int, missed: Sequence[str]) -> list[Claim]:
    """What must hold for every run."""
    return [
        Claim(f"{orders} orders were proposed", proposed == orders),
        Claim("each has a signed decision", tally.decisions == proposed),
        Claim(
            f"{tally.allowed_while_halted} orders were allowed under a global halt",
            tally.allowed_while_halted == 0,
        ),
        Claim("each act of the rogue got the answer it provoked", not missed),
    ]


def of_whole_run(tally: Tally) -> list[Claim]:
    """What must hold when there were orders enough for everything to happen."""
    unmet = tally.required - set(NOT_MET) - set(tally.controls)
    tripped = [halt for halt in tally.halts.values() if halt.cause == VOLATILITY]
    return [
        Claim("every control that can be met was met", not unmet),
        Claim("the volatility index tripped Ω2 on 2015-08-24", _on(tripped, "2015-08-24")),
        Claim("a named principal resumed", bool(tripped) and all(h.resumed_by for h in tripped)),
        Claim("open orders were cancelled for it", tally.cancelled_for[VOLATILITY] > 0),
        Claim("proposals under the halt were denied", tally.denied_while_halted > 0),
        Claim("some orders filled, some of them only in part", min(tally.whole, tally.partial) > 0),
    ]


def of_log(sound: Verified, flip: Flip, damaged: Verified) -> list[Claim]:
    """What must hold of the verifier."""
    return [
        Claim("the published log verifies", sound.status == 0),
        Claim(
            f"one flipped byte is found at entry {flip.index}",
            damaged.status == 1 and damaged.first_bad_index == flip.index,
        ),
    ]


def all_claims(
    tally: Tally, orders: int, proposed: int, missed: Sequence[str], log: Sequence[Claim]
) -> list[Claim]:
    """Every claim that this run makes."""
    whole = of_whole_run(tally) if orders >= COMPLETE_FROM else []
    return [*of_run(tally, orders, proposed, missed), *whole, *log]


def _on(halts: Sequence[HaltSeen], session: str) -> bool:
    return any(halt.session == session for halt in halts)
