"""Whatever is entered about keys, by whoever: an entry counts only where the model says it may.

The model is the sentence of docs/record-format.md: the identity key that stands certifies, the
decision key that was certified last signs, a planned rotation is signed by the key that leaves and
a revocation by the key that comes, and no key ever has two purposes or comes back.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.verification.entries import EntryCheck
from signing.verification.findings import Findings
from support.logs import LogBuilder, identity, seeded

LOG_KEY, FIRST_IDENTITY = 1, 2
KEYS = range(1, 8)
KINDS = ("rotated", "revoked", "certificate", "mode")

Act = tuple[str, int, int | None]
# None: whoever has to sign it, so that half of the stories go on for long.
signers = st.one_of(st.none(), st.sampled_from(KEYS))
acts = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(KEYS), signers), max_size=16)


@dataclass
class Model:
    """Which keys stand, and which ones have had a purpose."""

    identity: int = FIRST_IDENTITY
    decision: int | None = None
    identities: set[int] = field(default_factory=lambda: {LOG_KEY, FIRST_IDENTITY})
    deciders: set[int] = field(default_factory=set[int])

    def right_signer(self, kind: str, key: int) -> int:
        """Whose word it takes."""
        if kind == "revoked":
            return key
        return self.identity if kind != "mode" or self.decision is None else self.decision

    def takes(self, kind: str, key: int, signer: int) -> bool:
        """Whether the entry counts; if so, what it changes."""
        if kind == "mode":
            return signer == self.decision
        if kind == "certificate":
            counts = signer == self.identity and key not in self.identities
            if counts:
                self.decision = key
                self.deciders.add(key)
            return counts
        sealed = signer == (key if kind == "revoked" else self.identity)
        counts = sealed and key not in self.identities | self.deciders
        if counts:
            self.identity, self.decision = key, None
            self.identities.add(key)
        return counts


def entered(log: LogBuilder, kind: str, key: int, signer: int) -> None:
    public, sealed_by = seeded(key).public, seeded(signer)
    if kind == "mode":
        log.add("mode", {"mode": "SIMULATION", "by": "alice"}, sealed_by)
    elif kind == "certificate":
        log.add("certificate", log.certificate(public), sealed_by)
    else:
        log.add("identity", identity(public.hex, revoked=kind == "revoked"), sealed_by)


@pytest.mark.requirement("W-01")
@given(acts)
def test_an_entry_counts_only_where_the_model_says_so(given_acts: list[Act]) -> None:
    log, model = LogBuilder(Path("not-published")), Model()
    log.add("genesis", log.genesis(), log.identity)
    check = EntryCheck(log.vkey, findings := Findings())
    check.take(0, log.entries[0])
    assert findings.clean(5)
    for index, (kind, key, chosen) in enumerate(given_acts, 1):
        signer = model.right_signer(kind, key) if chosen is None else chosen
        before = len(check.keys)
        entered(log, kind, key, signer)
        counts = model.takes(kind, key, signer)
        # Of each step the first fault is kept, so what comes after one is judged by what it does.
        failed_before = not findings.clean(5)
        check.take(index, log.entries[index])
        assert failed_before or findings.clean(5) is counts
        assert len(check.keys) - before == (counts and kind != "mode")
    standing = [one.key for one in check.keys if one.ending == "stands"]
    expected = [seeded(model.identity).public.hex]
    expected += [seeded(model.decision).public.hex] if model.decision else []
    assert sorted(standing) == sorted(expected)
