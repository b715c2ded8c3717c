"""A plan: a manifest as people write it, in TOML, with dates and amounts that can be read.

What a plan leaves out is filled in where there is one answer: the digests are those of the release,
and the epoch is the next one. Everything else has to be written.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.cli import exits
from signing.canonical import JsonObject
from signing.manifest import Manifest, ManifestError, read_fields
from signing.manifest_shape import VERSION
from signing.rendering.release import ReleaseWords
from signing.shapes import RecordError, many, mapping, record, text

PLAN_BYTES_MAX: Final = 262_144
_AMOUNT: Final = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,16})(?:\.([0-9]{1,6}))? ([A-Z]{3})")
_DECIMALS: Final = 6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def read_plan(data: bytes, release: ReleaseWords, next_epoch: int | None) -> Manifest:
    """Read a plan.

    Args:
        data: the file's bytes.
        release: the release that the manifest is to permit.
        next_epoch: what `epoch` is where the plan does not name one; None: it has to.

    Raises:
        exits.CommandError: `plan`: it is no TOML, or not the plan of a manifest; it says where.
    """
    if len(data) > PLAN_BYTES_MAX:
        raise _wrong(f"it has more than {PLAN_BYTES_MAX} bytes")
    try:
        plan = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(str(error)) from error
    if next_epoch is None and "epoch" not in plan:
        raise _wrong("epoch: is missing, and what stands was not read")
    try:
        _PLAN("", plan)
        return read_fields(
            {
                "v": VERSION,
                "epoch": next_epoch,
                **_fields(plan, release.currency),
                "release_digest": release.digest,
                "limits_digest": release.limits_digest,
            }
        )
    except (RecordError, ManifestError) as error:
        raise _wrong(str(error)) from error


def _anything(path: str, value: object) -> None:
    """Leave a field to the manifest's own rules."""


def _instant(path: str, value: object) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise RecordError(path, "is no instant with its offset, such as 2026-12-01T00:00:00Z")


_TEXT: Final = text(r"(?s:.*)", "a text")
_TEXTS: Final = many(_TEXT, 1_024)
_ACCOUNT: Final = record({"broker": _anything, "hosts": _TEXTS}, {"broker_account": _anything})
_ATTESTATION: Final = record(
    {"jurisdiction": _TEXT, "kind": _TEXT, "reference": _TEXT, "valid_until": _instant}
)
_PLAN: Final = record(
    {
        "environment": _anything,
        "gateway": _anything,
        "mode": _anything,
        "strategies": _TEXTS,
        "at_lapse": _anything,
        "valid_from": _instant,
        "valid_until": _instant,
        "accounts": mapping(_anything, _ACCOUNT, 1_024),
        "ceilings": record(
            {
                "orders_per_day": _anything,
                "notional_per_day": text(_AMOUNT.pattern, 'an amount such as "250,000 USD"'),
            }
        ),
        "acknowledgement": record({"version": _anything, "text": _TEXT}),
    },
    {"epoch": _anything, "attestations": many(_ATTESTATION, 1_024)},
)


def _fields(plan: JsonObject, currency: str) -> JsonObject:
    """The plan's fields as a manifest has them: integers, and sets in order."""
    ceilings, words = plan["ceilings"], plan["acknowledgement"]
    attestations = [_timed(item, "valid_until") for item in plan.get("attestations", [])]
    return {
        **_timed(plan, "valid_from", "valid_until"),
        "strategies": sorted(plan["strategies"]),
        "accounts": {
            alias: {"broker_account": "none", **account, "hosts": sorted(account["hosts"])}
            for alias, account in plan["accounts"].items()
        },
        "ceilings": {
            "orders_per_day": ceilings["orders_per_day"],
            "notional_per_day_micros": _micros(ceilings["notional_per_day"], currency),
        },
        "attestations": sorted(attestations, key=_place),
        "acknowledgement": {**words, "text": words["text"].removesuffix("\n")},
    }


def _place(attestation: JsonObject) -> tuple[str, ...]:
    return attestation["jurisdiction"], attestation["kind"], attestation["reference"]


def _timed(fields: JsonObject, *names: str) -> JsonObject:
    """Instants become microseconds, under the name that says so."""
    kept = {name: value for name, value in fields.items() if name not in names}
    return {**kept, **{f"{n}_us": (fields[n] - _EPOCH) // _MICROSECOND for n in names}}


def _micros(value: str, currency: str) -> int:
    read = _AMOUNT.fullmatch(value)
    assert read is not None, "the plan was checked"
    whole, fraction, said = read.groups()
    if said != currency:
        raise RecordError(
            "ceilings.notional_per_day", f"is in {said}, and the release counts in {currency}"
        )
    return int(whole.replace(",", "") + (fraction or "").ljust(_DECIMALS, "0"))


def _wrong(detail: str) -> exits.CommandError:
    return exits.CommandError(
        "plan", f"the plan: {detail}", "mend the plan; docs/signing.md shows one", exits.USAGE
    )
