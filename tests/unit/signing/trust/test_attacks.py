"""Every attack upon a trust root is refused, at the step and for the reason that it should be."""

from pathlib import Path

import pytest

from signing.trust import STEP_NAMES, Floor, TrustError
from support.trust_attacks import ATTACKS, attacked
from support.trust_root import NOW_US

pytestmark = [pytest.mark.requirement("W-04"), pytest.mark.attack]


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused(name: str, tmp_path: Path) -> None:
    attack, made = attacked(name, tmp_path / "root", NOW_US)
    before = made.verify(made.now_us - attack.age_days * 86_400_000_000)
    floor = before.floor if attack.grown else Floor()
    attack.act(made)
    with pytest.raises(TrustError) as refused:
        made.verify(floor=floor)
    assert (refused.value.step, refused.value.code) == (attack.step, attack.code)
    assert refused.value.detail
    assert refused.value.remedy


def test_every_step_has_its_attacks() -> None:
    assert {attack.step for attack in ATTACKS.values()} == set(STEP_NAMES)
