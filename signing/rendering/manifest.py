"""A manifest in people's words: what it permits, and what that changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from signing.addressee import names_one_log
from signing.manifest import ANY_STRATEGY, Account, Manifest
from signing.rendering.change import (
    ADDED,
    CHANGED,
    LOOSER,
    REMOVED,
    TIGHTER,
    Change,
    kind_of,
    room_effect,
)
from signing.rendering.units import amount, instant

_ORDERS: Final = "orders per day"
_NOTIONAL: Final = "notional per day"


def manifest_words(manifest: Manifest, currency: str) -> list[tuple[str, str]]:
    """Everything that a manifest says, as names and texts, the acknowledgement in full.

    Args:
        manifest: what is told.
        currency: the base currency of its release.
    """
    ceilings, text = manifest.ceilings, manifest.acknowledgement
    return [
        ("mode", manifest.mode),
        ("environment", manifest.environment),
        ("gateway", gateway_words(manifest.gateway)),
        ("epoch", str(manifest.epoch)),
        ("valid from", instant(manifest.valid_from_us)),
        ("valid until", instant(manifest.valid_until_us)),
        ("lapses", instant(manifest.lapses_us)),
        *((f"account {a}", account_words(manifest.accounts[a])) for a in sorted(manifest.accounts)),
        ("strategies", _strategy_words(manifest)),
        (_ORDERS, f"{ceilings.orders_per_day:,}"),
        (_NOTIONAL, amount(ceilings.notional_per_day_micros, currency)),
        *(
            (f"{a.kind} in {a.jurisdiction}: {a.reference}", f"until {instant(a.valid_until_us)}")
            for a in manifest.attestations
        ),
        ("when it lapses", _lapse_words(manifest)),
        ("release", manifest.release_digest),
        ("limits", manifest.limits_digest),
        (f"acknowledgement {text.version}", text.text),
    ]


def gateway_words(gateway: str) -> str:
    """Whom something is for, and whether by name alone or by key."""
    if names_one_log(gateway):
        return f"{gateway} (this one log)"
    return f"{gateway} (whichever gateway's log has this name)"


def account_words(account: Account) -> str:
    """An account in one line: broker, number there, and the only hosts."""
    number = "" if account.broker_account == "none" else f" account {account.broker_account}"
    where = f"at {', '.join(account.hosts)}" if account.hosts else "inside the gateway"
    return f"{account.broker}{number} {where}"


def manifest_changes(
    old: Manifest, new: Manifest, old_currency: str, new_currency: str
) -> list[Change]:
    """Everything that differs between the manifest that stands and another one."""
    return [
        *_words(old, new),
        *_accounts(old, new),
        *_strategies(old, new),
        *_ceilings(old, new, old_currency, new_currency),
        *_times(old, new),
        *_attestations(old, new),
        *_papers(old, new),
    ]


def _words(old: Manifest, new: Manifest) -> Iterator[Change]:
    if old.mode != new.mode:
        effect = LOOSER if new.mode == "LIVE" else TIGHTER
        yield Change("mode", "mode", CHANGED, old.mode, new.mode, effect)
    for name in ("environment", "gateway"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            told = map(gateway_words, (was, now)) if name == "gateway" else (was, now)
            yield Change(name, name, CHANGED, *told)


def _accounts(old: Manifest, new: Manifest) -> Iterator[Change]:
    for alias in sorted({*old.accounts, *new.accounts}):
        before, after = old.accounts.get(alias), new.accounts.get(alias)
        if before is None or after is None:
            was, now = before and account_words(before), after and account_words(after)
            effect = LOOSER if before is None else TIGHTER
            yield Change("account", alias, kind_of(before, after), was, now, effect)
            continue
        for name in ("broker", "broker_account"):
            was, now = getattr(before, name), getattr(after, name)
            if was != now:
                yield Change("account", f"{alias} {name}", CHANGED, was, now)
        for host in sorted({*before.hosts} ^ {*after.hosts}):
            yield _member("host", f"{host} of account {alias}", gone=host in before.hosts)


def _member(part: str, name: str, *, gone: bool) -> Change:
    """Something that more is permitted with."""
    change, effect = (REMOVED, TIGHTER) if gone else (ADDED, LOOSER)
    return Change(part, name, change, effect=effect)


def _strategies(old: Manifest, new: Manifest) -> Iterator[Change]:
    before, after = set(old.strategies), set(new.strategies)
    if before == after:
        return
    if ANY_STRATEGY in before | after:
        effect = LOOSER if ANY_STRATEGY in after else TIGHTER
        told = _strategy_words(old), _strategy_words(new)
        yield Change("strategy", "strategies", CHANGED, *told, effect)
        return
    for name in sorted(before ^ after):
        yield _member("strategy", name, gone=name in before)


def _ceilings(
    old: Manifest, new: Manifest, old_currency: str, new_currency: str
) -> Iterator[Change]:
    was, now = old.ceilings, new.ceilings
    if was.orders_per_day != now.orders_per_day:
        told = f"{was.orders_per_day:,}", f"{now.orders_per_day:,}"
        effect = room_effect(was.orders_per_day, now.orders_per_day)
        yield Change("ceiling", _ORDERS, CHANGED, *told, effect)
    before, after = was.notional_per_day_micros, now.notional_per_day_micros
    if before != after or old_currency != new_currency:
        told = amount(before, old_currency), amount(after, new_currency)
        effect = room_effect(before, after) if old_currency == new_currency else ""
        yield Change("ceiling", _NOTIONAL, CHANGED, *told, effect)


def _times(old: Manifest, new: Manifest) -> Iterator[Change]:
    if old.epoch != new.epoch:
        yield Change("epoch", "epoch", CHANGED, str(old.epoch), str(new.epoch))
    for name in ("valid_from", "valid_until"):
        was, now = getattr(old, f"{name}_us"), getattr(new, f"{name}_us")
        if was != now:
            longer = (now > was) == (name == "valid_until")
            effect = LOOSER if longer else TIGHTER
            told = instant(was), instant(now)
            yield Change("validity", name.replace("_", " "), CHANGED, *told, effect)


def _attestations(old: Manifest, new: Manifest) -> Iterator[Change]:
    before, after = (
        {(a.jurisdiction, a.kind, a.reference): a.valid_until_us for a in m.attestations}
        for m in (old, new)
    )
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        if was != now:
            jurisdiction, kind, reference = key
            name = f"{kind} in {jurisdiction}: {reference}"
            yield Change("attestation", name, kind_of(was, now), _until(was), _until(now))


def _until(time_us: int | None) -> str | None:
    return None if time_us is None else f"until {instant(time_us)}"


def _papers(old: Manifest, new: Manifest) -> Iterator[Change]:
    if old.at_lapse != new.at_lapse:
        yield Change("lapse", "when it lapses", CHANGED, _lapse_words(old), _lapse_words(new))
    if old.release_digest != new.release_digest:
        told = old.release_digest, new.release_digest
        yield Change("release", "release", CHANGED, *told)
    was, now = old.acknowledgement, new.acknowledgement
    if was != now:
        name = "version" if was.version != now.version else "text under the same version"
        yield Change("acknowledgement", name, CHANGED, was.version, now.version)


def _strategy_words(manifest: Manifest) -> str:
    everyone = manifest.strategies == (ANY_STRATEGY,)
    return "every strategy" if everyone else ", ".join(manifest.strategies)


def _lapse_words(manifest: Manifest) -> str:
    what = {"cancel": "are cancelled", "leave": "are left at the broker"}[manifest.at_lapse]
    return f"working orders {what}"
