"""The one error of custody: a secret that cannot be had, and why."""

from __future__ import annotations


class ProviderError(Exception):
    """A secret, or the place that keeps it, that cannot be used now.

    Neither part ever holds a value, a token or the text that was given for a reference: people
    type secrets where references belong.

    Attributes:
        code: a stable word in kebab-case, such as `secret-missing`; part of the interface.
        remedy: one sentence: what to do about it.
    """

    def __init__(self, code: str, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.code = code
        self.remedy = remedy

    @property
    def detail(self) -> str:
        """One sentence: what happened."""
        return str(self.args[0])

    def without_traceback(self) -> ProviderError:
        """The same, to be kept: a traceback keeps alive what was in hand where it was raised."""
        return ProviderError(self.code, self.detail, self.remedy)
