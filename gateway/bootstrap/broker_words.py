"""Which keys a ``broker.yaml`` may have, and what may stand behind each.

What would loosen something is not one of the words. LIVE is one: the file is a ceiling, and a
ceiling opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Word:
    """One scalar: its pattern, and what is said where another text stands."""

    pattern: re.Pattern[str]
    expected: str
    remedy: str


Shape: TypeAlias = "Mapping[str, Word | Shape]"
"""Key -> word or table; the key ``*`` stands for any name."""


def _one_of(*words: str, remedy: str = "") -> Word:
    listed = ", ".join(words)
    return Word(
        re.compile("|".join(map(re.escape, words))),
        f"is not {'one of ' if len(words) > 1 else ''}{listed}",
        remedy or f"write {'one of ' if len(words) > 1 else ''}{listed}",
    )


def _text(pattern: str, expected: str) -> Word:
    return Word(re.compile(pattern), f"is not {expected}", f"write {expected}")


_NUMBER: Final = Word(
    re.compile(r"[ -~]{1,48}"),
    "is not a number",
    "write a plain number of zero or more, such as 3000 or 2.5",
)
"""Any short text: its unit's own reader says what is wrong with it."""
_BOOLEAN: Final = _one_of("true", "false")
_TRUE: Final = "a cap tightens and never loosens: write true or leave it out"
_NAME: Final = _text(r"[A-Za-z0-9_.-]{1,32}", "a name of 1 to 32 letters, digits, _ . -")
_VARIABLE: Final = _text(r"[A-Z][A-Z0-9_]{0,63}", "the name of an environment variable")
_URL: Final = _text(r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[!-~]{0,200})?", "an https URL")

SHAPES: Final[Shape] = {
    "execution": {
        "mode": _one_of("RESEARCH", "PAPER", "LIVE"),
        "default_account": _NAME,
    },
    "accounts": {
        "*": {
            "broker": _NAME,
            "mode": _one_of("RESEARCH", "PAPER", "LIVE"),
            "risk_profile": _NAME,
        }
    },
    "brokers": {
        "*": {
            "paper": {
                "base_url": _URL,
                "api_key_env": _VARIABLE,
                "api_secret_env": _VARIABLE,
                "enabled": _BOOLEAN,
            },
            "live": {"enabled": _BOOLEAN},
        }
    },
    "broker": {
        "mode": _one_of("disabled", "paper", "live"),
        "execution_enabled": _BOOLEAN,
        "default_route": _one_of("paper", "live"),
    },
    "risk": {
        "max_notional_exposure_usd": _NUMBER,
        "max_position_notional_per_symbol_usd": _NUMBER,
        "max_positions": _NUMBER,
        "max_daily_turnover_usd": _NUMBER,
        "max_order_notional_usd": _NUMBER,
        "max_leverage": _NUMBER,
        "block_short_selling": _BOOLEAN,
        "block_margin": _BOOLEAN,
        "require_positive_equity": _one_of("true", remedy=_TRUE),
        "max_notional": _NUMBER,
        "max_daily_loss": _NUMBER,
        "max_sector_exposure": _NUMBER,
        "kill_switch": _one_of("true", remedy=_TRUE),
    },
    "compliance": {
        "omega_4_active": _one_of("true", remedy="a named person lifts it: writ omega4 lift"),
    },
}
