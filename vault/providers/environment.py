"""Secrets in the process's environment: for development, and never for LIVE."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vault.errors import ProviderError
from vault.references import Scheme, SecretRef
from vault.secret import Moment, Provenance, Secret


class EnvironmentProvider:
    """Answers `env://NAME`.

    A variable is inherited by every process that is started, can be read from outside by the same
    user, and ends up in dumps. It cannot be rotated either: it stays what it was at the start.
    """

    scheme = Scheme.ENVIRONMENT

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables

    def fetch(self, reference: SecretRef, now: Moment) -> Secret:
        """Read a variable.

        Raises:
            ProviderError: `secret-missing` or `secret-malformed`.
        """
        value = self._variables.get(reference.name)
        if value is None:
            raise ProviderError(
                "secret-missing",
                f"{reference}: the environment has no such variable",
                f"set {reference.name} before the start, or refer to a file or a vault",
            )
        unfit = "variables of the environment can be read from outside of the process"
        return Secret(value, Provenance(reference, now, unfit_for_live=unfit))

    def trouble(self, now: Moment) -> ProviderError | None:  # noqa: ARG002  # the port's
        """Never any: the environment is always there."""
        return None
