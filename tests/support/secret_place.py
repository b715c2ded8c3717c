"""A place of secrets that its owner can rotate, take down and slow down: the port, in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vault.errors import ProviderError
from vault.references import Scheme, SecretRef
from vault.secret import Moment, Provenance, Secret

SECOND_NS = 1_000_000_000


def moment(at_ns: int) -> Moment:
    """Both clocks, `at_ns` after the test's beginning."""
    return Moment(1_800_000_000_000_000 + at_ns // 1_000, 7 * SECOND_NS + at_ns)


@dataclass
class Place:
    """Answers `vault://` references from `values`; `down` says why it does not."""

    values: dict[SecretRef, str] = field(default_factory=dict)
    down: ProviderError | None = None
    lease_ns: int | None = None
    asked: list[SecretRef] = field(default_factory=list)
    before_answer: Callable[[Moment], None] = field(default=lambda _: None)
    """Called before an answer is made."""
    scheme: Scheme = Scheme.VAULT

    def fetch(self, reference: SecretRef, now: Moment) -> Secret:
        """As the port says."""
        self.asked.append(reference)
        if self.down is not None:
            raise self.down.without_traceback()
        value = self.values.get(reference)
        if value is None:
            raise ProviderError("secret-missing", f"{reference} is not there", "store it")
        self.before_answer(now)
        end = None if self.lease_ns is None else now.monotonic_ns + self.lease_ns
        return Secret(value, Provenance(reference, now, str(len(self.asked)), end))

    def trouble(self, now: Moment) -> ProviderError | None:
        """What keeps all of it from answering."""
        del now
        return self.down
