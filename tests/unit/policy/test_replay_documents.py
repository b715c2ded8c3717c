"""docs/record-format.md against the code: the input document, failures, and deciding by hand."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import policies
from gateway.policy import decode
from gateway.policy.opa_tool import find_opa
from gateway.policy.replay.judge import FACTS_ERROR
from gateway.turns import HALTED
from signing import canonical
from signing.envelope import open_envelope
from signing.receipt import PERMIT_BYTES_MAX, RECEIPT_BYTES_MAX
from support.replay_logs import engine_of, release_in, replayable

pytestmark = pytest.mark.requirement("W-02")

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "record-format.md").read_text(encoding="utf-8")
SCHEMA = Path(policies.__file__).parent / "schemas" / "document.json"


def fields(node: dict[str, Any], above: str = "") -> Iterator[str]:
    """Every field of the schema, `?` for what may be absent where its section is there."""
    for name, part in node["properties"].items():
        if part.get("type") == "object" and "properties" in part:
            yield from fields(part, f"{above}{name}.")
        elif part.get("type") == "object":  # by currency
            yield from fields(part["additionalProperties"], f"{above}{name}.currency.")
        else:
            yield f"{above}{name}" + ("" if name in node.get("required", []) else "?")


def test_every_field_of_the_input_document_is_on_the_page() -> None:
    section = PAGE.partition("## The input document")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z0-9_.]+\??)` \| ([^|]+) \|", section, re.MULTILINE)
    schema = json.loads(SCHEMA.read_bytes())
    assert sorted(name for name, _ in rows) == sorted(fields(schema))
    units = dict(rows)
    for name, unit in units.items():
        if name.rstrip("?").endswith("_micros"):
            assert unit in {"micros", "int or `none`"}, name
        if name.rstrip("?").endswith("_bps"):
            assert unit.startswith("basis points"), name
        if name.endswith("_us"):
            assert unit == "time", name


def test_every_failure_is_on_the_page() -> None:
    codes = {value.code for name, value in vars(decode).items() if name.startswith("ENGINE_")}
    codes |= {FACTS_ERROR, HALTED}
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)) == codes


def test_the_descriptor_and_the_bounds_are_as_the_page_says(tmp_path: Path) -> None:
    descriptor = canonical.decode_object(release_in(tmp_path / "release").descriptor)
    named = re.search(r"\| descriptor \|[^|]+\| canonical JSON `\{([^}]+)\}`", PAGE)
    assert named is not None
    assert set(named[1].split(", ")) == set(descriptor)
    assert f"at most {RECEIPT_BYTES_MAX:,} bytes" in PAGE
    assert f"most {PERMIT_BYTES_MAX:,} bytes" in PAGE


def test_deciding_by_hand_as_the_page_says_gives_the_recorded_verdict(tmp_path: Path) -> None:
    release = release_in(tmp_path / "release")
    with engine_of(release) as engine, replayable(tmp_path, release, engine) as made:
        indices = made.decide(3)
        log = made.publish()
    block = re.search(r"```\n(printf .*?)```", PAGE, re.DOTALL)
    assert block is not None
    for index in (indices[0], indices[2]):
        payload = open_envelope(made.log.entries[index]).payload
        descriptor = json.loads((log / "blobs" / payload["release_digest"]).read_bytes())
        names = {
            "INPUT_DIGEST": payload["input_digest"],
            "BUNDLE_DIGEST": descriptor["bundle_sha256"],
            "DATA_DIGEST": descriptor["data_sha256"],
            "/tmp/": f"{tmp_path}/",
            "opa eval": f"{shlex.quote(str(find_opa()))} eval",
        }
        script = block[1]
        for name, value in names.items():
            script = script.replace(name, value)
        done = subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=log / "blobs",
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        (verdict,) = json.loads(done.stdout)[0]
        for name in ("required", "passed"):
            verdict[name] = sorted(verdict[name])
        verdict["reasons"].sort(key=lambda reason: reason["control"])
        assert canonical.encode(verdict) == canonical.encode(payload["verdict"])
