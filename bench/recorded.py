"""The input documents that a gateway recorded for the list of orders, for whoever else is asked."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import workload
from bench.loading import ORDER_STATUSES, Target, load
from bench.measure import BenchError
from bench.servers import HTTP_TIMEOUT_S, Gateway
from gateway.demo.tally import entries
from signing.keys import Vkey

QUERY_PATH: Final = "/v1/data/writ/main/decisions"
_CHECKED_MAX: Final = 200
_LIMIT_MS: Final = 120_000
_PUBLISHED_TIMEOUT_S: Final = 60
_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded, as requests for OPA with one document each, and what was decided."""

    requests: Path
    facts: Path
    """symbol -> the document of an order that was allowed, or of any where none was."""
    allows: tuple[bool, ...]

    @property
    def allowed_percent(self) -> float:
        """Orders that were allowed."""
        return 100 * sum(self.allows) / len(self.allows)


def record(folder: Path, gateway: Gateway, orders: int) -> Recorded:
    """Send the list once through a new gateway, and read the documents back from its log."""
    work = workload.write_orders(folder / "to-record", orders)
    target = Target(f"{gateway.server.url}/v1/orders", work, gateway.key, ORDER_STATUSES)
    load(target, measured_ms=_LIMIT_MS, count=orders)
    documents: list[bytes] = []
    allows: list[bool] = []
    for payload in _decisions(gateway.data, orders):
        blob = gateway.data / "log" / "blobs" / payload["input_digest"]
        documents.append(blob.read_bytes())
        allows.append(payload["allow"])
    lines = (b'{"input":{"batch":[' + document + b"]}}" for document in documents)
    requests = workload.write_lines(folder / "requests", lines)
    facts = folder / "facts"
    facts.write_text(json.dumps(_facts(documents, allows)), encoding="utf-8")
    return Recorded(requests, facts, tuple(allows))


def _decisions(data: Path, count: int) -> list[Mapping[str, Any]]:
    """The decisions of a log, as soon as all of them are published."""
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="utf-8").strip())
    deadline = time.monotonic() + _PUBLISHED_TIMEOUT_S
    found: list[Mapping[str, Any]] = []
    while True:
        # A bundle that was begun is replaced by a longer one while the log is still published.
        with contextlib.suppress(FileNotFoundError):
            found = [payload for kind, payload in entries(data / "log", vkey) if kind == "decision"]
        if len(found) == count:
            return found
        if len(found) > count or time.monotonic() > deadline:
            raise BenchError(f"{count} orders were sent, {len(found)} decisions are published")
        time.sleep(_PAUSE_S)


def _facts(documents: Sequence[bytes], allows: Sequence[bool]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for wanted in (True, False):
        for document, allow in zip(documents, allows, strict=True):
            if allow is wanted:
                fields = json.loads(document)
                found.setdefault(fields["order"]["symbol"], fields)
    return found


def check_same_verdicts(url: str, recorded: Recorded) -> None:
    """Ask an OPA server about recorded documents: it must say what was recorded.

    Raises:
        BenchError: it does not, so its rate would be that of another policy.
    """
    for number, line in enumerate(recorded.requests.read_bytes().splitlines()[:_CHECKED_MAX]):
        request = urllib.request.Request(url + QUERY_PATH, data=line, method="POST")  # noqa: S310  ours
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=HTTP_TIMEOUT_S) as answer:
            verdicts: list[dict[str, Any]] = json.loads(answer.read())["result"]
        if verdicts[0]["allow"] is not recorded.allows[number]:
            raise BenchError(f"OPA decides document {number} in another way than was recorded")
