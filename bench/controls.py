"""What a decision costs the engine as a release has more controls, and limits of more symbols."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import policies
from bench.growth import make_log
from bench.measure import Figure, Findings, Scale, Table, interleaved, ratios
from bench.releases import LABEL, bench_release, release_with_instruments
from gateway.demo.tally import entries
from gateway.policy.batches import BATCH_MAX
from gateway.policy.build import build
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import DATA, Release, load_release
from gateway.policy.replay.releases import InlineRunner
from signing.keys import Vkey

CONTROLS: Final = (10, 100)
_LOG_ENTRIES: Final = 64
_REGISTRY = re.compile(r'(?m)^\t"([A-Z0-9-]+)": "([a-z_]+)",$')
_SOURCE: Final = Path(policies.__file__).parent


def measure(folder: Path, scale: Scale) -> Findings:
    """Both, in one run of the same documents."""
    release = bench_release(folder / "release")
    documents = _documents(folder / "log", release)
    releases = {
        f"{count} controls": release_with_controls(folder / f"controls-{count}", release, count)
        for count in CONTROLS
    }
    symbols = (scale.instrument_counts[0], scale.instrument_counts[-1])
    for count in symbols:
        name = f"limits of {count:,} symbols"
        releases[name] = release_with_instruments(folder / f"symbols-{count}", count)
    releases["as shipped"] = load_release(release)
    with ExitStack() as stack:
        parts: dict[str, Callable[[], float]] = {
            name: _costs(stack.enter_context(_engine(one)), documents, scale.calls)
            for name, one in releases.items()
        }
        found = interleaved(scale.rounds, parts)
    few, many = (found[f"{count} controls"] for count in CONTROLS)
    small, large = (found[f"limits of {count:,} symbols"] for count in symbols)
    figures = {
        "controls_growth": ratios(many, few),
        "limit_tables_growth": ratios(large, small),
    }
    rows = tuple((name, str(Figure.of(taken, ""))) for name, taken in found.items())
    table = Table(f"The engine alone, {BATCH_MAX} documents a call", ("release", "µs each"), rows)
    note = (
        f"controls_growth compares {CONTROLS[1]} controls with {CONTROLS[0]}: of the shipped ones, "
        f"some again under other names. limit_tables_growth compares {symbols[1]:,} symbols that "
        f"have limits of their own with {symbols[0]:,}."
    )
    return Findings(figures, [table], [note])


def release_with_controls(folder: Path, like: Path, count: int) -> Release:
    """The shipped rules with exactly so many controls required; the first of them again if few."""
    source = folder / "policies"
    shutil.copytree(_SOURCE, source, ignore=shutil.ignore_patterns("*_test.rego", "release"))
    main = source / "main.rego"
    text = main.read_text(encoding="utf-8")
    known = _REGISTRY.findall(text)
    wanted = known[:count]
    for number in range(count - len(known)):
        control, name = known[number % len(known)]
        again = f"{name}_again_{number}"
        wanted.append((f"AGAIN-{number}", again))
        rego = (source / "controls" / f"{name}.rego").read_text(encoding="utf-8")
        rego = rego.replace(f"package writ.controls.{name}", f"package writ.controls.{again}")
        rego = rego.replace(f"id: {control}", f"id: AGAIN-{number}")
        (source / "controls" / f"{again}.rego").write_text(rego, encoding="utf-8")
    lines = "".join(f'\t"{control}": "{name}",\n' for control, name in wanted)
    first, last = text.index(f'\t"{known[0][0]}"'), text.rindex(f'"{known[-1][1]}",\n')
    rest = text[last + len(f'"{known[-1][1]}",\n') :]
    main.write_text(text[:first] + lines + rest, encoding="utf-8")
    kept = {name for _, name in wanted}
    for path in (source / "controls").glob("*.rego"):
        if path.stem not in kept:
            path.unlink()
    return build(source, folder / "release", LABEL, (like / DATA).read_bytes())


def _documents(place: Path, release: Path) -> list[bytes]:
    """Input documents as the gateway records them."""
    make_log(place, release, _LOG_ENTRIES)
    data = place / "data"
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="utf-8").strip())
    blobs = data / "log" / "blobs"
    found = [
        (blobs / payload["input_digest"]).read_bytes()
        for kind, payload in entries(data / "log", vkey)
        if kind == "decision"
    ][:BATCH_MAX]
    assert all(json.loads(document)["order"] for document in found)
    return found


@contextmanager
def _engine(release: Release) -> Iterator[WasmEngine]:
    engine = WasmEngine(release, InlineRunner(), timeout_ms=10_000)
    try:
        yield engine
    finally:
        engine.close()


def _costs(engine: WasmEngine, documents: list[bytes], calls: int) -> Callable[[], float]:
    """Microseconds of one document in a full batch."""

    def run() -> float:
        count = max(1, calls // 10)
        began = time.perf_counter()
        asyncio.run(_asked(engine, documents, count))
        return (time.perf_counter() - began) * 1_000_000 / (count * len(documents))

    return run


async def _asked(engine: WasmEngine, documents: list[bytes], count: int) -> None:
    for _ in range(count):
        await engine.decide(documents)
