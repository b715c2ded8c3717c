"""Which controls a start takes away: those that the release before required, and this one not.

A switch while orders come in says so in its entry; another release folder at a start is the same
change by another door, so its entry says the same.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from gateway.bootstrap.app import Opened
from gateway.domain.book import NONE
from gateway.domain.errors import WritError
from gateway.policy.canaries import Examined, examine, recent, removed_controls
from gateway.policy.engine import EngineMaker, assemble
from gateway.policy.in_force import ReleaseInForce
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.recorded import recorded_release
from gateway.policy.recorded_words import NO_WORDS

_log = logging.getLogger(__name__)


async def removed_since(opened: Opened, before: str) -> tuple[str, ...]:
    """The controls that the release ``before`` required and that of this start does not, sorted.

    Args:
        opened: with the release of this start, which is examined as a switch would.
        before: the digest of the release that the log names last, or ``none``.

    Raises:
        CanaryError: the release of this start is unsound or cannot decide; at a first start too.
    """
    # Both are asked in this process: a server holds one release, and may not be there yet.
    maker = replace(opened.maker, endpoint=None)
    examined = await _examined(opened, maker)
    if before == NONE:
        return ()
    try:
        old = await _recorded(opened, before, maker)
    except (WritError, OSError) as error:
        _log.warning("release %s cannot be read any more: %s", before, error)
        return tuple(sorted(await _required_last(opened, before) - examined.required))
    try:
        return await removed_controls(old, examined)
    finally:
        await old.close()


async def _examined(opened: Opened, maker: EngineMaker) -> Examined:
    current, recorded = opened.releases.current, await recent(opened.ledger)
    if isinstance(current.engine, WasmEngine):
        return await examine(current.engine, current.catalogue, recorded)
    module = await maker.embedded(current.release)
    try:
        return await examine(module.engine, current.catalogue, recorded)
    finally:
        await module.close()


async def _recorded(opened: Opened, digest: str, maker: EngineMaker) -> ReleaseInForce:
    """The release as the log's documents have it; its words are not needed while it answers."""
    await opened.ledger.publish_now()
    folder = opened.settings.data / "log"
    release = await opened.host.runner.run(lambda: recorded_release(folder, digest))
    return await assemble(release, NO_WORDS, maker)


async def _required_last(opened: Opened, digest: str) -> frozenset[str]:
    """What the newest decision says that the release required; nothing if it was by another."""
    rows = await opened.ledger.orders(account=None, status=None, before=None, limit=1)
    entry = await opened.ledger.entry(rows[0][1].decision_id) if rows else None
    if entry is None or entry[1]["release_digest"] != digest:
        return frozenset()
    return frozenset(entry[1]["verdict"]["required"])
