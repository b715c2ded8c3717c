"""The description of the interface, held against the real server by another people's tool.

Every check is on, in every phase, stateful sequences along the links included; what is left out
stands in a table with its reason. Afterwards the log must tell the same story as the answers.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from signing import checkpoint, envelope, tiles
from signing.keys import Vkey
from support.processes import GatewayProcess

pytestmark = pytest.mark.slow

TOOL: Final = str(Path(sys.executable).with_name("schemathesis"))
RUN_TIMEOUT_S: Final = 180

SUPPRESSED: Final = {
    ("POST /v1/orders", "positive_data_acceptance"): (
        "account, lot, tick and size bounds come from settings and release, and a key may stand "
        "in the header or in the body: none of it can be said in the schema of the body"
    ),
    ("POST /v1/orders/preview", "positive_data_acceptance"): "as for POST /v1/orders",
    ("PATCH /v1/orders/{order_id}", "positive_data_acceptance"): "as for POST /v1/orders",
    ("DELETE /v1/orders", "positive_data_acceptance"): (
        "that one of the parameters is needed, and all only alone, cannot be said of parameters"
    ),
    ("POST /v1/kill", "positive_data_acceptance"): (
        "which name fits which kind of scope, and which accounts there are, cannot be said there"
    ),
    ("POST /v1/exit-only", "positive_data_acceptance"): (
        "as for POST /v1/kill; an end that is past is refused, and so is closing what is not open"
    ),
    ("POST /v1/omega4", "positive_data_acceptance"): "an end that is past by now is refused",
    ("PUT /v1/facts/{name}", "positive_data_acceptance"): (
        "which value fits which name, and which instant the market clock has reached, cannot be "
        "said there"
    ),
    ("POST /v1/market/clock", "positive_data_acceptance"): "the clock never goes back",
    ("GET /v1/brokers/{account}/history", "positive_data_acceptance"): (
        "that a period begins before it ends, and how long it may be, cannot be said there"
    ),
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


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a run, with its body as text."""

    status: int
    body: str


def run(server: GatewayProcess, folder: Path, *options: str) -> list[Answer]:
    """Let the tool loose on a gateway; every check must hold."""
    folder.mkdir()
    config, events = folder / "schemathesis.toml", folder / "events.ndjson"
    config.write_text(configuration(), encoding="utf-8")
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [
            *(TOOL, "--config-file", str(config), "run", f"{server.url}/openapi.json", *options),
            *("--header", f"Authorization: Bearer {server.key}", "--mode", "all"),
            *("--generation-deterministic", "--no-shrink", "--continue-on-failure"),
            *("--request-timeout", "10", "--max-response-time", "10", "--no-color"),
            *("--report", "ndjson", "--report-ndjson-path", str(events)),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name[:5] != "WRIT_"},
            "PYTHONPATH": os.pathsep.join((tests, os.environ.get("PYTHONPATH", ""))),
            "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return list(answers(events))


def answers(events: Path) -> Iterator[Answer]:
    """Every answer that the tool's own report holds."""
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            ended: dict[str, Any] = json.loads(line).get("ScenarioFinished", {})
            interactions: dict[str, Any] = ended.get("recorder", {}).get("interactions") or {}
            for interaction in interactions.values():
                response = interaction.get("response")
                assert response is not None, "a request without an answer"
                body = response.get("content") or {}
                text = base64.b64decode(body.get("$base64", "")).decode("utf-8", "replace")
                yield Answer(response["status_code"], text)


@pytest.mark.timeout(2 * RUN_TIMEOUT_S)
def test_the_server_does_what_its_description_says(
    gateway_server: GatewayProcess, tmp_path: Path
) -> None:
    """First orders alone, which then trade; then everything, kills and changes of mode too."""
    server = gateway_server
    assert server.writ("omega4", "lift", "--reason", "test").status == 0
    orders = ("--include-path-regex", "^/v1/(orders|decisions)", "--max-examples", "25")
    traded = run(server, tmp_path / "orders", *orders)
    assert Counter(answer.status for answer in traded)[201] > 0
    everything = run(server, tmp_path / "everything", "--max-examples", "10")
    assert len(traded) + len(everything) > 1_000
    assert max(answer.status for answer in (*traded, *everything)) < 500
    every_answered_order_has_one_decision(server, [*traded, *everything])
    assert "Traceback" not in server.log()


def every_answered_order_has_one_decision(
    server: GatewayProcess, answered: Sequence[Answer]
) -> None:
    told = {
        json.loads(answer.body)["order_id"]
        for answer in answered
        if answer.status in (201, 403) and '"decision_id"' in answer.body
    }
    assert server.stop() == 0
    log = ("--log", str(server.data / "log"), "--vkey", str(server.data / "log.vkey"))
    verified = server.writ("audit", "verify", *log)
    assert verified.status == 0, verified.out
    decided = Counter(decisions(server.data))
    assert set(decided.values()) == {1}
    assert told
    assert told <= set(decided)
    server.start()


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
