"""Officers, and the council that they are: who may sign, and how many of them it takes.

An officer is a person with a name, one or more keys, and roles. Whoever counts signatures counts
persons: two keys of one officer are one signature. Names are lower case and ASCII, so that no two
of them look alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from signing.keys import PublicKey
from signing.trust.errors import TrustError

ROLES: Final = ("admin", "compliance", "risk")
"""What an officer may be beside a signer of root and targets."""
RISK: Final = "risk"
OFFICERS_MAX: Final = 32
KEYS_MAX: Final = 4
"""The most keys of one officer: the one in use, the next, and one for each of two places."""
THRESHOLD_MIN: Final = 2

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who signs.

    Attributes:
        name: 1 to 64 of a-z 0-9 . _ -
        keys: their public keys, in the order of their hexadecimal writing.
        roles: some of ROLES, perhaps none.

    Raises:
        TrustError: a name, a number of keys or a role that no officer has; one key given twice.
    """

    name: str
    keys: tuple[PublicKey, ...]
    roles: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what no officer is, and put the keys in order."""
        if not _NAME.fullmatch(self.name):
            raise _refused("officer-name", "an officer's name is 1 to 64 of a-z 0-9 . _ -")
        if not 1 <= len(self.keys) <= KEYS_MAX:
            raise _refused("officer-keys", f"{self.name} has {len(self.keys)} keys")
        if len({key.raw for key in self.keys}) != len(self.keys):
            raise _refused("key-twice", f"{self.name} has one key twice")
        if not self.roles <= frozenset(ROLES):
            raise _refused("officer-role", f"{self.name}: a role is one of {', '.join(ROLES)}")
        object.__setattr__(self, "keys", tuple(sorted(self.keys, key=lambda key: key.hex)))


@dataclass(frozen=True, slots=True)
class Council:
    """The officers of a trust root, how many must sign, and the publisher's key.

    Attributes:
        officers: in the order of their names.
        threshold: how many officers it takes to change the root or the targets.
        publisher: the key that renews snapshot and timestamp; nobody's key among the officers,
            because it lies on a machine that is online.
        development: one officer may be enough, and everything that is shown says so.

    Raises:
        TrustError: one officer enough outside of development, more needed than there are, a name or
            a key that two officers share, or a publisher who is an officer.
    """

    officers: tuple[Officer, ...]
    threshold: int
    publisher: PublicKey
    development: bool = False

    def __post_init__(self) -> None:
        """Refuse a council that could not guard anything, and put the officers in order."""
        if not 1 <= len(self.officers) <= OFFICERS_MAX:
            raise _refused("officers", f"there are {len(self.officers)} officers")
        if len({officer.name for officer in self.officers}) != len(self.officers):
            raise _refused("officer-twice", "two officers have one name")
        raws = [key.raw for officer in self.officers for key in officer.keys]
        if len(set(raws)) != len(raws):
            raise _refused("key-twice", "two officers have one key")
        if self.publisher.raw in raws:
            raise _refused("publisher-officer", "the publisher's key is an officer's key")
        least = 1 if self.development else THRESHOLD_MIN
        if self.threshold < least:
            raise TrustError(
                "threshold-low",
                f"{self.threshold} of {len(self.officers)} officers is not enough",
                f"require {least} or more officers; one is for development alone",
            )
        if self.threshold > len(self.officers):
            raise TrustError(
                "threshold-high",
                f"{self.threshold} officers must sign and there are {len(self.officers)}",
                "name more officers, or require fewer of them",
            )
        ordered = tuple(sorted(self.officers, key=lambda officer: officer.name))
        object.__setattr__(self, "officers", ordered)

    def officer(self, name: str) -> Officer | None:
        """The officer of that name."""
        return next((officer for officer in self.officers if officer.name == name), None)

    def name_of(self, public: PublicKey) -> str | None:
        """The name of the officer whose key this is."""
        for officer in self.officers:
            if public.raw in {key.raw for key in officer.keys}:
                return officer.name
        return None

    def with_role(self, role: str) -> tuple[Officer, ...]:
        """The officers who have that role."""
        return tuple(officer for officer in self.officers if role in officer.roles)

    def adding(self, officer: Officer) -> Council:
        """The council with one officer more.

        Raises:
            TrustError: as the class.
        """
        return replace(self, officers=(*self.officers, officer))

    def removing(self, name: str) -> Council:
        """The council without that officer.

        Raises:
            TrustError: there is none of that name; and as the class.
        """
        self._named(name)
        return replace(self, officers=tuple(one for one in self.officers if one.name != name))

    def rotating(self, name: str, old: PublicKey, new: PublicKey) -> Council:
        """The council with one key of an officer replaced by another.

        Raises:
            TrustError: there is no such officer, or the old key is not theirs; and as the class.
        """
        officer = self._named(name)
        if old not in officer.keys:
            raise _refused("officer-keys", f"the old key is not one of {name}'s")
        kept = (key for key in officer.keys if key != old)
        return self.replacing(replace(officer, keys=(*kept, new)))

    def replacing(self, officer: Officer) -> Council:
        """The council with that officer in the place of the one who had the name.

        Raises:
            TrustError: there is none of that name; and as the class.
        """
        self._named(officer.name)
        others = tuple(one for one in self.officers if one.name != officer.name)
        return replace(self, officers=(*others, officer))

    def requiring(self, threshold: int) -> Council:
        """The council with another number of officers who must sign.

        Raises:
            TrustError: as the class.
        """
        return replace(self, threshold=threshold)

    def publishing_with(self, publisher: PublicKey) -> Council:
        """The council with another publisher's key.

        Raises:
            TrustError: as the class.
        """
        return replace(self, publisher=publisher)

    def _named(self, name: str) -> Officer:
        officer = self.officer(name)
        if officer is None:
            raise _refused("officer-unknown", f"there is no officer {name}")
        return officer


def _refused(code: str, detail: str) -> TrustError:
    return TrustError(code, detail, "correct the officers and their keys")
