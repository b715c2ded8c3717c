"""The description of the interface, held against the real server by another people's tool.

Every check is on, in every phase, stateful sequences along the links included; what is left out
stands in a table with its reason. Afterwards the log must tell the same story as the answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from signing import checkpoint, envelope, tiles
from signing.keys import Vkey
from support.processes import GatewayProcess

TOOL: Final = str(Path(sys.executable).with_name("schemathesis"))
EXAMPLES: Final = 12
RUN_TIMEOUT_S: Final = 240

SUPPRESSED: Final = {
    ("POST /v1/orders", "positive_data_acceptance"): (
        "account, lot, tick and size bounds come from settings and release, and a key may stand "
        "in the header or in the body: none of it can be said in the schema of the body"
    ),
    ("POST /v1/orders/preview", "positive_data_acceptance"): "as for POST /v1/orders",
    ("POST /v1/kill", "positive_data_acceptance"): (
        "which name fits which kind of scope, and which accounts there are, cannot be said there"
    ),
    ("POST /v1/omega4", "positive_data_acceptance"): "an end that is past by now is refused",
    ("POST /v1/market/clock", "positive_data_acceptance"): "the clock never goes back",
}
"""Which check of which operation is off, and why; every other check of it stays on."""


CHECKS: Final = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance", "negative_data_rejection"),
    *("positive_data_acceptance", "missing_required_header", "unsupported_method"),
    *("allow_header_conformance", "use_after_free", "ensure_resource_availability"),
    *("ignored_auth", "object_level_authorization"),
)


def configuration() -> str:
    every = "[checks]\n" + "".join(f"{check}.enabled = true\n" for check in CHECKS)
    parts = [
        f'[[operations]]\ninclude-name = "{operation}"\nchecks.{check}.enabled = false\n'
        for operation, check in SUPPRESSED
    ]
    return "\n".join((every, *parts))


@pytest.mark.timeout(RUN_TIMEOUT_S + 60)
def test_the_server_does_what_its_description_says(
    gateway_server: GatewayProcess, tmp_path: Path
) -> None:
    server = gateway_server
    assert server.writ("omega4", "lift", "--reason", "test").status == 0
    config = tmp_path / "schemathesis.toml"
    config.write_text(configuration(), encoding="utf-8")
    events = tmp_path / "events.ndjson"
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [
            *(TOOL, "--config-file", str(config), "run", f"{server.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {server.key}"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--mode", "all"),
            *("--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-shrink"),
            *("--request-timeout", "10", "--max-response-time", "10", "--continue-on-failure"),
            *("--report", "ndjson", "--report-ndjson-path", str(events), "--no-color"),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name[:5] != "WRIT_"},
            "PYTHONPATH": os.pathsep.join((tests, os.environ.get("PYTHONPATH", ""))),
            "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answered = statuses(events)
    assert sum(answered.values()) > 500
    assert not [status for status in answered if status >= 500]
    assert answered[201] + answered[403] > 0
    every_answered_order_has_one_decision(server, events)
    assert "Traceback" not in server.log()


def every_answered_order_has_one_decision(server: GatewayProcess, events: Path) -> None:
    told = orders_told(events)
    assert told
    assert server.stop() == 0
    log = ("--log", str(server.data / "log"), "--vkey", str(server.data / "log.vkey"))
    assert server.writ("audit", "verify", *log).status == 0
    decided = Counter(decisions(server.data))
    assert set(decided.values()) == {1}
    assert told <= set(decided)
    server.start()


def statuses(events: Path) -> Counter[int]:
    """How often each status was answered."""
    return Counter(answer["status_code"] for answer in answers(events))


def orders_told(events: Path) -> set[str]:
    """The ids of orders in answers that say that there was a decision."""
    found: set[str] = set()
    for answer in answers(events):
        body = answer.get("body") or ""
        if answer["status_code"] in (201, 403) and "decision_id" in body:
            found.add(json.loads(body)["order_id"])
    return found


def answers(events: Path) -> list[dict[str, object]]:
    raise NotImplementedError


def decisions(data: Path) -> list[str]:
    """The order of each decision in the published log."""
    log = data / "log"
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="ascii").strip())
    size = checkpoint.verify_checkpoint((log / "checkpoint").read_bytes(), vkey).size
    found: list[str] = []
    for bundle in range(-(-size // tiles.FULL)):
        path = tiles.entries_path(bundle, min(tiles.FULL, size - bundle * tiles.FULL))
        for entry in tiles.decode_bundle((log / path).read_bytes()):
            opened = envelope.open_envelope(entry)
            if opened.kind == "decision":
                found.append(str(opened.payload["order_id"]))
    return found
