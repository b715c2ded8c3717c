"""What is said when trust is refused."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

STEP_NAMES: Final = MappingProxyType(
    {
        1: "the pinned root is whole and signed by its own officers",
        2: "every later root is signed by the officers before it and by its own",
        3: "the newest root is valid now, and not older than the one seen last",
        4: "the timestamp is the publisher's, valid now, and not older than the one seen last",
        5: "the snapshot is the one that the timestamp names, and forgets nothing",
        6: "the targets are the ones that the snapshot names, signed by enough officers",
        7: "what a risk officer adds is signed by one, and takes nothing back that stands",
        8: "every file is there, with the length and the digest that the officers signed",
    }
)
"""What each step of `signing.trust.verify` proves."""

NO_STEP: Final = 0
"""The step of what is refused outside of the verifier: a draft, a change, a folder."""


class TrustError(Exception):
    """Trust that is refused. The message never holds key material.

    Attributes:
        step: the verifier's step that failed, or NO_STEP.
        code: a stable word, as `targets-short`.
        detail: what is wrong, in one line.
        remedy: what to do about it.
    """

    def __init__(self, code: str, detail: str, remedy: str, step: int = NO_STEP) -> None:
        super().__init__(detail)
        self.step = step
        self.code = code
        self.detail = detail
        self.remedy = remedy


@contextmanager
def at_step(step: int) -> Generator[None, None, None]:
    """Say of whatever is refused in here that a step of the verifier refused it."""
    try:
        yield
    except TrustError as error:
        if error.step != NO_STEP:
            raise
        raise TrustError(error.code, error.detail, error.remedy, step) from error
