"""What a key may be used for: scopes, and the roles that people and services have them by."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class KeyScope(StrEnum):
    """What a key may be used for; each route names the one it needs."""

    PROPOSE = "propose"
    CANCEL = "cancel"
    READ = "read"
    AUDIT_READ = "audit:read"
    POLICY_READ = "policy:read"
    FACTS_WRITE = "facts:write"
    OPERATE = "operate"
    RISK = "risk"
    ADMIN = "admin"


class Role(StrEnum):
    """What somebody is to the gateway; a key has one role, or scopes of its own."""

    TRADER = "trader"
    RISK = "risk"
    COMPLIANCE = "compliance"
    AUDITOR = "auditor"
    SERVICE = "service"
    ADMIN = "admin"


_LOOKS_INTO: Final = frozenset({KeyScope.READ, KeyScope.AUDIT_READ, KeyScope.POLICY_READ})

SCOPES_OF: Final[Mapping[Role, frozenset[KeyScope]]] = MappingProxyType(
    {
        Role.TRADER: frozenset({KeyScope.PROPOSE, KeyScope.CANCEL, KeyScope.READ}),
        # Who stops trading and lets it go on proposes no orders.
        Role.RISK: frozenset({KeyScope.READ, KeyScope.CANCEL, KeyScope.OPERATE, KeyScope.RISK}),
        Role.COMPLIANCE: _LOOKS_INTO,
        Role.AUDITOR: _LOOKS_INTO,
        # A service upstream tells what it knows and is told nothing.
        Role.SERVICE: frozenset({KeyScope.FACTS_WRITE}),
        Role.ADMIN: frozenset({KeyScope.READ, KeyScope.OPERATE, KeyScope.RISK, KeyScope.ADMIN}),
    }
)
"""What each role may do. No role both proposes orders and decides whether there is trading."""
