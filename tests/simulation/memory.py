"""What was found out about the same bytes a moment ago: read once strictly, and then believed.

Thousands of worlds read their own logs again and again: at each start, at each gate, at the end.
Whether bytes are canonical, and whether a signature is good, are pure functions of those bytes.
Each is computed in earnest the first time that a world meets the bytes, and remembered until its
end; other bytes, a changed log's too, are judged in earnest.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator
from typing import Any

from signing import canonical
from signing.keys import PublicKey


@contextlib.contextmanager
def remembering() -> Generator[None]:
    """Remember until the block ends."""
    strict_decode, strict_verify = canonical.decode, PublicKey.verify
    canonical_bytes: set[bytes] = set()
    good: set[tuple[bytes, bytes, bytes]] = set()

    def decode(data: bytes) -> Any:  # noqa: ANN401  any JSON
        if data in canonical_bytes:
            return json.loads(data)
        value = strict_decode(data)
        canonical_bytes.add(data)
        return value

    def verify(self: PublicKey, signature: bytes, message: bytes) -> bool:
        asked = (self.raw, signature, message)
        if asked in good:
            return True
        if not strict_verify(self, signature, message):
            return False
        good.add(asked)
        return True

    canonical.decode = decode
    PublicKey.verify = verify  # type: ignore[method-assign]
    try:
        yield
    finally:
        canonical.decode = strict_decode
        PublicKey.verify = strict_verify  # type: ignore[method-assign]
