"""What a start enters into the record: release and mode as configured, and new accounts."""

from __future__ import annotations

from typing import Final

from gateway.bootstrap.app import Opened
from gateway.bootstrap.removed import removed_since
from gateway.control.sessions import Sessions
from gateway.policy.fitting import check_fits_at_start
from gateway.policy.switching import release_draft
from gateway.ports import Draft
from gateway.tracking.reconciliation.opening import opening_drafts

BY: Final = "configuration"
"""Who set what came from settings."""


async def record_configuration(opened: Opened, sessions: Sessions) -> None:
    """Enter release and mode as configured, and each new account as its broker states it."""
    journal, current = opened.journal, opened.releases.current
    drafts: list[Draft] = []
    await check_fits_at_start(current.release, journal.book, opened.ledger.document)
    if journal.book.release_digest != current.digest:
        removed = await removed_since(opened, journal.book.release_digest)
        drafts.append(release_draft(current.release, current.catalogue, BY, removed))
    if journal.book.mode is not opened.settings.mode or not journal.book.accounts:
        drafts.append(Draft("mode", {"mode": opened.settings.mode.value, "by": BY}))
    for alias, broker in opened.brokers.items():
        if alias not in journal.book.accounts:
            statement = await broker.statement(alias)
            drafts += opening_drafts(statement, broker.name, BY)
    if drafts:
        await journal.record(drafts)
    if opened.market is not None:
        await sessions.open_day(opened.host.clock.market_us())
