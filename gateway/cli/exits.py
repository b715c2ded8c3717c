"""What the exit status of every command means."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
DENIED: Final = 1
"""An order was denied, a state forbade the change, or a verification failed."""
USAGE: Final = 2
"""The command, its input, its key or its configuration is not right."""
UNAVAILABLE: Final = 3
"""The gateway cannot be reached, or cannot record or decide right now."""
INTERRUPTED: Final = 130
"""What a shell reports of a command that Ctrl-C ended."""


class CommandError(Exception):
    """A command failed in a way that says itself what to exit with."""

    def __init__(self, code: str, detail: str, remedy: str, exit_status: int) -> None:
        """Keep the parts; ``str()`` gives code and detail."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.exit_status = exit_status
