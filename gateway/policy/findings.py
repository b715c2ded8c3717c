"""What is wrong with a policies folder: where, what, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend: where, what, and how.

    Attributes:
        file: relative to the policies folder.
        message: what is wrong.
        remedy: what to do.
        line: counted from one; ``None`` where the whole file is meant.
        warning: it changes nothing that the policies decide, and stops nothing.
    """

    file: str
    message: str
    remedy: str
    line: int | None = None
    warning: bool = False

    @property
    def place(self) -> str:
        """``file:line``, as editors understand it."""
        return self.file if self.line is None else f"{self.file}:{self.line}"
