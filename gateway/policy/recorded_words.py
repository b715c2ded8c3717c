"""The words of the releases that a log names: an old decision is explained as it was meant then."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from gateway.domain.book import Book
from gateway.policy.catalogue import Catalogue, decode_catalogue
from gateway.policy.in_force import ReleaseHolder
from gateway.ports import Ledger
from signing import canonical

KEPT_MAX: Final = 8
"""How many catalogues are kept read: the release in force and a few before it."""
NO_WORDS: Final = Catalogue("none", MappingProxyType({}))
"""Of a release whose words are not known any more: its controls are told by their codes."""

_log = logging.getLogger(__name__)


class RecordedWords:
    """Catalogues by the digest of their release; belongs to one event loop."""

    def __init__(self, ledger: Ledger, book: Callable[[], Book], holder: ReleaseHolder) -> None:
        """Nothing is read before it is asked for."""
        self._ledger = ledger
        self._book = book
        self._holder = holder
        self._kept: OrderedDict[str, Catalogue] = OrderedDict()

    async def of(self, release_digest: str) -> Catalogue:
        """The words that were recorded with a release.

        Those of the release in force are known even where a log of before did not keep them;
        otherwise, and where retention removed them, there are :data:`NO_WORDS`.
        """
        digest = self._book().catalogues.get(release_digest)
        if digest is None:
            current = self._holder.current
            return current.catalogue if current.digest == release_digest else NO_WORDS
        found = self._kept.pop(digest, None) or await self._read(digest)
        if found is None:
            return NO_WORDS
        self._kept[digest] = found
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    async def _read(self, digest: str) -> Catalogue | None:
        data = await self._ledger.document(digest)
        if data is None:
            return None
        if canonical.digest(data) != digest:
            _log.error("the catalogue %s is not what its name says", digest)
            return None
        try:
            return decode_catalogue(data)
        except ValueError as error:  # written by another version of the gateway
            _log.warning("the catalogue %s cannot be read: %s", digest, error)
            return None
