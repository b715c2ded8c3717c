"""A session with a vault: begun by a login, renewed in time, begun anew when the vault ended it.

While the vault cannot be reached, a session only remembers why. It never makes anything up.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

from vault import hvac_api
from vault.address import VaultAddress
from vault.answers import Answer, StatusError, malformed, number_in, text_in
from vault.errors import ProviderError
from vault.logins import Login
from vault.ports import Lease
from vault.secret import Moment
from vault.transport import BoundedAdapter

READS_MAX: Final = 3
"""How often a read is tried in all while no connection comes about."""
NO_END_NS: Final = 2**63 - 1
_PAUSE_S: Final = 0.05
_LOGIN_REQUESTS: Final = 4
"""Requests that a login or a renewal may take, each with the address's time-out."""
_SECOND_NS: Final = 1_000_000_000
_LEASE_S_MAX: Final = 10 * 365 * 86_400
_TOKEN: Final = re.compile(r"[!-~]{8,4096}")
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_NO_RENEWAL: Final = (400, 403, 500)
"""A token that is unknown, or whose last end has come: that is what 500 is used for."""
_REDIRECTS: Final = range(300, 400)
_OF_THE_VAULT: Final = frozenset({"secret-missing", "vault-denied"})
"""Refusals that say nothing against the session."""

Ask = Callable[[BoundedAdapter], Answer]


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a login gave."""

    token: str = field(repr=False)
    lease: Lease
    first_ns: int
    """How long the lease was at the login; renewed ones get shorter when the end is near."""
    renewable: bool


class VaultSession:
    """One login at one vault, shared by all threads.

    It is what :class:`vault.ports.Renewable` describes. Nothing of it is printed or pickled.
    """

    def __init__(self, address: VaultAddress, login: Login) -> None:
        """Read the CA file; the login waits for the first request.

        Raises:
            ProviderError: `vault-address`: the CA file cannot be used.
        """
        self._way = BoundedAdapter(address)
        self._login = login
        self._grant: _Grant | None = None
        self._trouble: ProviderError | None = None
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        """Name the address alone."""
        return f"VaultSession({self._way.address.url})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be copied or pickled: a token has one place."""
        raise TypeError("what holds a vault's token is neither copied nor pickled")

    def lease(self) -> Lease | None:
        """Return how long the session lasts; None: not begun, or lost."""
        grant = self._grant
        return None if grant is None else grant.lease

    def trouble(self, now: Moment) -> ProviderError | None:
        """Tell, without asking the vault, why nothing can be had of it; None: nothing is known."""
        grant = self._grant
        if self._trouble is None and grant is not None and now.monotonic_ns >= grant.lease.end_ns:
            return _ended()
        return self._trouble

    def ask(self, work: Ask, now: Moment) -> Answer:
        """Ask what can be asked twice: a read, or a signature that is the same each time.

        A session that has not begun, or that the vault has ended, is begun first. Blocking: a dozen
        requests at the very most, each with the address's time-out.

        Raises:
            ProviderError: why there is no answer.
            StatusError: 400 or 404: the vault does not know what was asked for.
        """
        with self._remembering():
            grant = self._begun(now)
            try:
                return self._tried(work, grant)
            except StatusError as error:
                if error.status != _FORBIDDEN:
                    self._explain(error)
            if self._is_alive(grant):
                raise ProviderError(
                    "vault-denied",
                    "the vault's policies do not allow it",
                    "give Writ's role the policy shipped for it, or ask for another path",
                )
            try:
                return self._tried(work, self._begun(now, instead_of=grant))
            except StatusError as error:
                self._explain(error)

    def look(self, now: Moment) -> None:
        """Ask the vault whether it knows the session still; `trouble` tells what it said.

        Raises:
            ProviderError: as :meth:`ask`.
        """
        self.ask(lambda way: hvac_api.token(way).lookup_self(), now)

    def renew(self, now: Moment) -> Lease:
        """Extend the session, or begin another if there is none or its last end is near.

        Raises:
            ProviderError: why it could not be had; the session goes on until its lease ends.
        """
        with self._remembering(), self._one_at_a_time():
            grant = self._grant
            extended = None if grant is None or not grant.renewable else self._extended(grant, now)
            if extended is None:
                extended = self._logged_in(now)
            self._grant = extended
            return extended.lease

    def close(self) -> None:
        """Have the vault forget the token, if it can be told; a session can begin again."""
        grant, self._grant = self._grant, None
        if grant is not None:
            with suppress(ProviderError, StatusError):
                hvac_api.token(self._way.with_token(grant.token)).revoke_self()

    def _begun(self, now: Moment, instead_of: _Grant | None = None) -> _Grant:
        """Return a session that lasts, and is another than `instead_of`."""
        found = self._lasting(now, instead_of)
        if found is not None:
            return found  # without waiting for a renewal that may be under way
        with self._one_at_a_time():
            found = self._lasting(now, instead_of)
            if found is None:
                self._grant = None
                self._grant = found = self._logged_in(now)
            return found

    def _lasting(self, now: Moment, instead_of: _Grant | None) -> _Grant | None:
        grant = self._grant
        if grant is None or grant is instead_of or now.monotonic_ns >= grant.lease.end_ns:
            return None
        return grant

    def _tried(self, work: Ask, grant: _Grant) -> Answer:
        """Ask, and again where no connection came about: never after a time-out."""
        way = self._way.with_token(grant.token)
        for _ in range(READS_MAX - 1):
            try:
                return work(way)
            except ProviderError as error:
                if error.code != "vault-unreachable":
                    raise
            time.sleep(_PAUSE_S)
        return work(way)

    def _extended(self, grant: _Grant, now: Moment) -> _Grant | None:
        """Return the renewed session; None: the vault has ended it, or will end it soon."""
        try:
            answer = hvac_api.token(self._way.with_token(grant.token)).renew_self()
        except StatusError as error:
            if error.status not in _NO_RENEWAL:
                self._explain(error)
            return None
        renewed = _granted(answer, now, grant.first_ns)
        length_ns = renewed.lease.end_ns - renewed.lease.begun_ns
        # A token has a last end that no renewal moves. Near it, another login is due.
        return renewed if length_ns * 2 >= grant.first_ns else None

    def _logged_in(self, now: Moment) -> _Grant:
        try:
            return _granted(self._login.log_in(self._way), now)
        except StatusError as error:
            self._explain(error)

    def _is_alive(self, grant: _Grant) -> bool:
        """Tell a token that may not do something from one that the vault no longer knows."""
        try:
            hvac_api.token(self._way.with_token(grant.token)).lookup_self()
        except StatusError as error:
            if error.status != _FORBIDDEN:
                self._explain(error)
            return False
        return True

    def _explain(self, error: StatusError) -> NoReturn:
        """Say what a status means; for a server's failure, the vault is asked how it is.

        Raises:
            ProviderError: always, except for what the caller knows better.
            StatusError: 400 and 404.
        """
        if error.status in (_BAD_REQUEST, _NOT_FOUND):
            raise error
        if error.status == _FORBIDDEN:
            raise ProviderError(
                "vault-token",
                "the vault has ended the session and refuses the new one, too",
                "see whether the role's token is being revoked, and by whom",
            ) from error
        if error.status == _TOO_MANY:
            raise ProviderError(
                "vault-busy",
                "the vault has had more requests than it allows",
                "raise its rate limit for Writ, or see who else asks",
            ) from error
        raise condition(self._way.anonymous(), error) from error

    @contextmanager
    def _one_at_a_time(self) -> Generator[None]:
        """One login at a time: a wrapping token can be spent once."""
        if not self._turn.acquire(timeout=_LOGIN_REQUESTS * self._way.address.timeout_ms / 1000):
            raise ProviderError(
                "vault-slow", "another login at the vault is still under way", "try again later"
            )
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _remembering(self) -> Generator[None]:
        """Remember what went wrong, until something goes right."""
        try:
            yield
        except ProviderError as error:
            if error.code not in _OF_THE_VAULT:
                self._trouble = error.without_traceback()
            raise
        except StatusError:
            self._trouble = None
            raise
        self._trouble = None


def _granted(answer: Answer, now: Moment, first_ns: int = 0) -> _Grant:
    """Read what a login or a renewal answered."""
    token = text_in(answer, "auth", "client_token")
    length_s = number_in(answer, "auth", "lease_duration")
    if _TOKEN.fullmatch(token) is None or length_s > _LEASE_S_MAX:
        raise malformed("usable token and lease")
    begun_ns = now.monotonic_ns
    # A lease of nothing is the vault's way of writing: without an end.
    end_ns = begun_ns + length_s * _SECOND_NS if length_s else NO_END_NS
    lease = Lease(begun_ns, end_ns)
    return _Grant(
        token, lease, first_ns or end_ns - begun_ns, answer["auth"].get("renewable") is True
    )


def condition(way: BoundedAdapter, error: StatusError) -> ProviderError:
    """Ask the vault how it is, after a status that says that it failed.

    Nothing secret is sent (`way` has no token), and the answer only chooses words.
    """
    as_usual = dict.fromkeys(
        ("standby_code", "sealed_code", "uninit_code", "performance_standby_code"), 200
    )
    failed = ProviderError(
        "vault-failed", f"the vault failed (HTTP status {error.status})", "see its own log"
    )
    if error.status in _REDIRECTS:
        failed = ProviderError(
            "vault-redirect",
            "the vault sends its callers elsewhere, and nobody goes there with a token",
            "name the address of the active server, or of a load balancer in front of all of them",
        )
    try:
        found = hvac_api.health(way).read_health_status(method="GET", **as_usual)
    except (StatusError, ProviderError):
        return failed
    if found.get("sealed") is True or found.get("initialized") is False:
        return ProviderError(
            "vault-sealed", "the vault is sealed", "unseal it; Writ goes on by itself"
        )
    if found.get("standby") is True:
        return ProviderError(
            "vault-standby",
            "this server of the vault is on standby and passes nothing on",
            "name the active server, or a load balancer in front of all of them",
        )
    return failed


def _ended() -> ProviderError:
    return ProviderError(
        "vault-token",
        "the session with the vault has ended and was not renewed",
        "see whether the vault answers; Writ logs in again by itself",
    )
