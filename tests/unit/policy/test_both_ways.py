"""What the tests of controls rest on: opa itself is asked, and a difference names the test."""

from dataclasses import replace

import pytest

from support.both_ways import ASKED, both, opa_agrees
from support.policy_cases import Bench, data, document


def test_a_verdict_that_opa_does_not_give_names_the_test(bench: Bench) -> None:
    assert both(bench, document(), data()) == set()
    opa_agrees()
    assert ASKED == []
    both(bench, document(), data())
    ASKED[-1] = replace(ASKED[-1], answer=replace(ASKED[-1].answer, passed=()))
    with pytest.raises(AssertionError, match="test_a_verdict_that_opa_does_not_give"):
        opa_agrees()
    assert ASKED == []
