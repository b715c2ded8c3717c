"""What was found out about the same bytes a moment ago: read once strictly, and then believed.

Thousands of worlds read their own logs again and again: at each start, at each gate, at the end.
Whether bytes are canonical, what an envelope holds, whether that is a record of its kind and
whether a signature is good are pure functions of those bytes. Each is computed in earnest the first
time that a world meets the bytes, and remembered until its end; other bytes, a changed log's too,
are judged in earnest. What this process has written as canonical is canonical, and what it has
signed is signed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator
from types import MappingProxyType
from typing import Any

from signing import canonical, envelope, keys, records
from signing.dsse import SignedPayload
from signing.keys import Ed25519Signer, PublicKey
from signing.shapes import Rule


class Memory:
    """What is known, and the functions that know it."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._canonical: set[str] = set()
        self._good: set[tuple[bytes, bytes, bytes]] = set()
        self._points: set[bytes] = set()
        self._opened: dict[bytes, SignedPayload] = {}
        self._payloads: set[int] = set()
        """Of opened envelopes, by identity: they live as long as this does."""
        self._checked: set[tuple[str, int]] = set()
        self._writer = canonical._WRITER
        self._decode = canonical.decode
        self._verify = PublicKey.verify
        self._sign = Ed25519Signer.sign
        self._check_point = keys._check_point
        self._open_payload = envelope.open_payload

    def encode(self, value: object) -> str:
        """As ``json.JSONEncoder.encode`` of the canonical writer."""
        text = self._writer.encode(value)
        self._canonical.add(text)
        return text

    def decode(self, data: bytes) -> Any:  # noqa: ANN401  any JSON
        """As ``signing.canonical.decode``."""
        with contextlib.suppress(ValueError):
            text = data.decode()
            if text in self._canonical:
                return json.loads(text)
        return self._decode(data)  # and what is canonical is written again there

    def open_payload(self, data: bytes) -> SignedPayload:
        """As ``signing.dsse.open_payload``."""
        opened = self._opened.get(data)
        if opened is None:
            opened = self._opened[data] = self._open_payload(data)
            self._payloads.add(id(opened.payload))
        return opened

    def check_point(self, raw: bytes) -> None:
        """As ``signing.keys`` checks the bytes of a public key."""
        if raw not in self._points:
            self._check_point(raw)
            self._points.add(raw)

    def sign(self, signer: Ed25519Signer, message: bytes) -> bytes:
        """As ``Ed25519Signer.sign``."""
        signature = self._sign(signer, message)
        self._good.add((signer.public.raw, signature, message))
        return signature

    def verify(self, public: PublicKey, signature: bytes, message: bytes) -> bool:
        """As ``PublicKey.verify``."""
        asked = (public.raw, signature, message)
        if asked in self._good:
            return True
        if not self._verify(public, signature, message):
            return False
        self._good.add(asked)
        return True

    def rule(self, kind: str, rule: Rule) -> Rule:
        """The rule of a kind of record; a payload that was opened is checked once."""

        def check(path: str, value: object) -> None:
            known = (kind, id(value))
            if known in self._checked:
                return
            rule(path, value)
            if id(value) in self._payloads:
                self._checked.add(known)

        return check


@contextlib.contextmanager
def remembering() -> Generator[None]:
    """Remember until the block ends."""
    memory = Memory()
    rules = {kind: memory.rule(kind, rule) for kind, rule in records.KINDS.items()}

    def sign(self: Ed25519Signer, message: bytes) -> bytes:
        return memory.sign(self, message)

    def verify(self: PublicKey, signature: bytes, message: bytes) -> bool:
        return memory.verify(self, signature, message)

    with contextlib.ExitStack() as stack:
        for owner, name, known in (
            (canonical, "_WRITER", memory),
            (canonical, "decode", memory.decode),
            (envelope, "open_payload", memory.open_payload),
            (keys, "_check_point", memory.check_point),
            (Ed25519Signer, "sign", sign),
            (PublicKey, "verify", verify),
            (records, "KINDS", MappingProxyType(rules)),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, known)
        yield
