"""Overrides: an officer signs that one order may pass one control once.

An override names the control, the gateway by its log, the mode, and the order by its account,
symbol, side, exact quantity and the caller's own id for it. It lasts a day at most. What is signed
says nothing about limits: it only stands in for the one control that asks for it.

The log is named by its verifier key, because that is where uses are counted: two gateways that
trust the same officer count apart, and many of them have the same origin.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Final

from signing.addressee import vkey_rule
from signing.canonical import INT_MAX, CanonicalError, encode
from signing.dsse import EnvelopeError
from signing.envelope import Envelope, open_envelope, seal
from signing.keys import PublicKey, Signer
from signing.records import MODES
from signing.shapes import RecordError, integer, record, text, word

KIND: Final = "override"
OVERRIDE_BYTES_MAX: Final = 8_192
"""The longest override that is read, and that a ticket can carry."""
LIFETIME_MAX_US: Final = 24 * 3_600 * 1_000_000
"""An override lasts a day at most."""
SIDES: Final = ("buy", "sell", "sell_short")
ANYBODY: Final = "*"
"""The principal of an override that binds the order and not who proposes it."""

_ID: Final = text(r"[A-Za-z0-9_.:-]{1,64}", "an id of at most 64 of A-Z a-z 0-9 _ . : -")
_TIME: Final = integer(0, INT_MAX)
_OVERRIDE: Final = record(
    {
        "override_id": text(r"ovr_[0-9a-f]{32}", "ovr_ and 32 lower-case hexadecimal digits"),
        "control": text(r"[A-Z][A-Z0-9]{0,15}(-[A-Z0-9]{1,15}){1,3}", "a control such as REG-01"),
        "log": vkey_rule,
        "mode": word(MODES),
        "account": text(r"[A-Za-z0-9_.-]{1,32}", "an account's alias"),
        "symbol": text(r"[A-Z0-9][A-Z0-9./-]{0,19}", "a symbol"),
        "side": word(SIDES),
        "qty": text(
            r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?", "a plain decimal number such as 10 or 0.5"
        ),
        "client_order_id": _ID,
        "principal": text(r"\*|[A-Za-z0-9_.:-]{1,64}", "a principal's name, or *"),
        "created_us": _TIME,
        "expires_us": _TIME,
        "by": _ID,
        "reason": text(
            r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}", "a line of at most 200 characters"
        ),
    }
)


class OverrideError(ValueError):
    """Fields that no override can have, or bytes that are no override."""


@dataclass(frozen=True, slots=True)
class Override:
    """What an officer allows.

    Attributes:
        override_id: random; it can be used once.
        control: the one control that it stands in for.
        log: the verifier key of the one gateway's log, `origin+hash+key`.
        mode: the one mode of that gateway in which it counts.
        account: the order's account.
        symbol: the order's symbol.
        side: the order's side.
        qty: the order's exact quantity, a decimal number as text.
        client_order_id: the caller's id of the order.
        principal: who may propose it; ANYBODY: whoever may propose at all.
        created_us: when it was signed by its maker's clock, microseconds UTC.
        expires_us: from when on it is worth nothing, microseconds UTC.
        by: the officer by their own account: a label.
        reason: why, in one line.
    """

    override_id: str
    control: str
    log: str
    mode: str
    account: str
    symbol: str
    side: str
    qty: str
    client_order_id: str
    principal: str
    created_us: int
    expires_us: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class SignedOverride:
    """A read override: its form is right; only `signed_by` says who made it."""

    override: Override
    _envelope: Envelope = field(repr=False)

    def signed_by(self, public: PublicKey) -> bool:
        """Tell whether `public` signed it."""
        return self._envelope.signed_by(public)


def sign_override(override: Override, signer: Signer) -> str:
    """Sign an override; the text is what an order's ticket carries.

    Raises:
        OverrideError: fields that no override can have.
    """
    payload = asdict(override)
    _check(payload)
    try:
        encode(payload)
    except CanonicalError as error:
        raise OverrideError(str(error)) from error
    return seal(KIND, payload, signer).decode("utf-8")


def read_override(text_: str) -> SignedOverride:
    """Read an override; one line end after it is accepted, as a file has it.

    Raises:
        OverrideError: not an envelope in its one encoding, of another kind, or with other fields.
    """
    if len(text_) > OVERRIDE_BYTES_MAX:
        raise OverrideError(f"an override has at most {OVERRIDE_BYTES_MAX} characters")
    try:
        envelope = open_envelope(text_.removesuffix("\n").encode("utf-8"))
    except (EnvelopeError, UnicodeEncodeError) as error:
        raise OverrideError(f"not an override in its one encoding: {error}") from error
    if envelope.kind != KIND:
        raise OverrideError(f"it is signed as {envelope.kind} and not as {KIND}")
    _check(envelope.payload)
    return SignedOverride(Override(**envelope.payload), envelope)


def _check(payload: dict[str, object]) -> None:
    try:
        _OVERRIDE("", payload)
    except RecordError as error:
        raise OverrideError(str(error)) from error
    created, expires = payload["created_us"], payload["expires_us"]
    assert isinstance(created, int)
    assert isinstance(expires, int)
    if not 0 < expires - created <= LIFETIME_MAX_US:
        raise OverrideError("expires_us: is not within a day after created_us")
    if not Decimal(str(payload["qty"])):
        raise OverrideError("qty: is zero")
