"""The errors that a caller of the gateway can be told about.

Each carries a stable ``code`` (kebab-case, part of the public interface), a sentence for
people and a remedy. Doors translate them: HTTP to ``problem+json``, the command line to an
exit status. Anything that is not one of these is a defect and fails closed.
"""

from __future__ import annotations


class WritError(Exception):
    """A failure with a stable code and a remedy.

    Args:
        code: kebab-case, stable across versions.
        detail: one sentence: what happened; never a secret.
        remedy: one sentence: what the reader can do about it.
    """

    def __init__(self, code: str, detail: str, remedy: str = "") -> None:
        """Keep the three parts; ``str()`` gives code and detail."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.remedy = remedy


class InvalidInputError(WritError):
    """What was typed or sent cannot be taken (HTTP 400 or 422); nothing was recorded."""


class ConflictError(WritError):
    """The request collides with another one (HTTP 409); nothing was recorded."""


class NotFoundError(WritError):
    """No such thing, or none that the caller may see (HTTP 404)."""


class UnavailableError(WritError):
    """The gateway cannot record or decide right now (HTTP 503); nothing moved."""


class RefusedError(WritError):
    """A state forbids it: the mode, a halt, a configuration (HTTP 409 or exit 2)."""


class PermitRefusedError(RefusedError):
    """The bytes are no permit: nothing was sent, and there is no decision to record it under."""
