"""The demonstration judges itself: its counts, its claims, and the byte that it flips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.demo import claims, closing, tally
from gateway.demo.closing import Flip, Verified
from gateway.demo.schedule import COMPLETE_FROM
from gateway.demo.tally import Tally
from signing.keys import Vkey
from signing.tiles import decode_bundle
from support.logs import LogBuilder, halt, make_log, resume

FLIP = Flip("tile/entries/000.p/9", 100, 4, "decision")
SOUND = Verified(0, "", None)
FOUND = Verified(1, "", 4)


def held(made: list[claims.Claim]) -> list[bool]:
    return [claim.held for claim in made]


def whole_run() -> Tally:
    """The counts of a run in which everything happened."""
    counted = Tally()
    counted.kinds["decision"] = COMPLETE_FROM
    counted.required = {"ORD-01", *claims.NOT_MET}
    counted.controls["ORD-01"] = tally.Denials(all=1)
    counted.halts["h"] = tally.HaltSeen(
        3, "2015-08-24", claims.VOLATILITY, "*", 407_400, 400_000, "demo-director"
    )
    counted.cancelled_for[claims.VOLATILITY] = 1
    counted.denied_while_halted = 1
    counted.ordered = {"a": 10, "b": 10}
    counted.filled["a"], counted.filled["b"] = 10, 4
    return counted


def all_of(counted: Tally, orders: int = COMPLETE_FROM) -> list[bool]:
    return held(claims.all_claims(counted, orders, orders, (), []))


def test_a_whole_run_holds_every_claim() -> None:
    assert all(all_of(whole_run()))


def lost_decision(counted: Tally) -> None:
    counted.kinds["decision"] -= 1


def allow_under_halt(counted: Tally) -> None:
    counted.allowed_while_halted = 1


def unmet_control(counted: Tally) -> None:
    counted.required.add("ORD-02")


def no_halt(counted: Tally) -> None:
    counted.halts.clear()


def never_resumed(counted: Tally) -> None:
    counted.halts["h"] = tally.HaltSeen(3, "2015-08-24", claims.VOLATILITY, "*", 1, 1)


def halt_on_another_day(counted: Tally) -> None:
    counted.halts["h"] = tally.HaltSeen(3, "2015-08-25", claims.VOLATILITY, "*", 1, 1, "x")


def nothing_cancelled(counted: Tally) -> None:
    counted.cancelled_for.clear()


def nothing_denied(counted: Tally) -> None:
    counted.denied_while_halted = 0


def nothing_partial(counted: Tally) -> None:
    counted.filled["b"] = 10


def nothing_whole(counted: Tally) -> None:
    counted.filled["a"] = 1


FAULTS = [
    *(lost_decision, allow_under_halt, unmet_control, no_halt, never_resumed),
    *(halt_on_another_day, nothing_cancelled, nothing_denied, nothing_partial, nothing_whole),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_breaks_a_claim(fault: Callable[[Tally], None]) -> None:
    counted = whole_run()
    fault(counted)
    assert not all(all_of(counted))


def test_a_run_of_few_orders_claims_less() -> None:
    counted = Tally()
    counted.kinds["decision"] = 5
    assert all(all_of(counted, orders=5))


def test_an_act_without_its_answer_and_a_missing_proposal_break_a_claim() -> None:
    assert not all(held(claims.of_run(whole_run(), 200, 200, ("short 0: wanted SHT-01",))))
    assert not all(held(claims.of_run(whole_run(), 201, 200, ())))


@pytest.mark.parametrize(
    ("sound", "damaged", "expected"),
    [
        (SOUND, FOUND, [True, True]),
        (Verified(1, "", 0), FOUND, [False, True]),
        (SOUND, Verified(0, "", None), [True, False]),  # the flip was overlooked
        (SOUND, Verified(1, "", 5), [True, False]),  # it was found somewhere else
        (SOUND, Verified(3, "", 4), [True, False]),  # the verifier could not run
    ],
)
def test_the_verifier_must_pass_the_log_and_name_the_flipped_entry(
    sound: Verified, damaged: Verified, expected: list[bool]
) -> None:
    assert held(claims.of_log(sound, FLIP, damaged)) == expected


def published(folder: Path, decisions: int) -> tuple[Path, Path]:
    vkey = make_log(folder / "log", decisions)
    (folder / "log.vkey").write_text(f"{vkey}\n")
    return folder / "log", folder / "log.vkey"


def test_the_flipped_byte_lies_in_the_entry_that_it_names(tmp_path: Path) -> None:
    log, vkey_file = published(tmp_path, 100)  # more entries than one bundle holds
    flip = closing.choose(log, Vkey.parse(vkey_file.read_text().strip()))
    data = bytearray((log / flip.path).read_bytes())
    before = decode_bundle(bytes(data))
    data[flip.offset] ^= 1
    after = decode_bundle(bytes(data))
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert [flip.index % 256] == changed
    assert flip.kind == "decision"


def test_the_command_verifies_a_log_and_finds_the_flip_without_touching_the_log(
    tmp_path: Path,
) -> None:
    log, vkey_file = published(tmp_path, 10)
    flip, damaged = closing.verify_damaged(log, vkey_file)
    assert held(claims.of_log(closing.verify(log, vkey_file), flip, damaged)) == [True, True]


def test_the_tally_counts_what_the_log_says(tmp_path: Path) -> None:
    log, vkey_file = published(tmp_path, 20)
    counted = tally.count(log, Vkey.parse(vkey_file.read_text().strip()))
    assert counted.decisions == 20
    assert sum(counted.denied.values()) == 4  # every fifth
    assert len(counted.ordered) == sum(counted.allowed.values()) == 16
    assert set(counted.ordered.values()) == {100}
    assert counted.kinds["execution"] > 0
    assert counted.fees_micros > 0


def test_a_halt_is_counted_with_who_lifted_it(tmp_path: Path) -> None:
    builder = LogBuilder(tmp_path / "log")
    builder.begin()
    builder.add("halt", halt(1))
    builder.add("resume", resume(1))
    builder.publish()
    counted = tally.count(tmp_path / "log", builder.vkey)
    [seen] = counted.halts.values()
    assert seen.resumed_by.startswith("alice")
    assert (seen.scope, seen.observed) == ("*", 407_400)
