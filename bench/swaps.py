"""Switching releases under load: what is refused, what is delayed, and what names a wrong revision.

Two releases that differ in one limit take turns in the folder of a running gateway, as fast as it
takes them, while the load generator sends orders. Windows without and with switches alternate, so
that their latencies can be compared. Afterwards the whole log is verified, each decision's
revision is compared with the newest `release` entry before it, and every decision is made again.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import workload
from bench.loading import ORDER_STATUSES, Loaded, Target, load
from bench.measure import BenchError, Figure, Findings, Scale, Table
from bench.releases import LABEL, SOURCE, bench_release
from bench.servers import WRIT, Gateway, announced, free_port, gateway_environment, with_scopes
from gateway.demo.tally import entries
from gateway.host import SystemClock
from gateway.policy.build import build
from gateway.policy.opa_server.endpoint import read_endpoint
from gateway.policy.opa_server.setup import write_setup
from gateway.policy.opa_tool import find_opa
from gateway.policy.release import load_release
from gateway.ports import moment
from signing import canonical
from signing.keys import Vkey

WASM: Final = "opa-wasm"
SERVER: Final = "opa-server"
CLIENTS: Final = 16
SWITCHES: Final[Mapping[str, Mapping[str, int]]] = {
    "default": {WASM: 1_000, SERVER: 50},
    "full": {WASM: 1_000, SERVER: 50},
    "quick": {WASM: 60, SERVER: 10},
    "smoke": {WASM: 4, SERVER: 2},
}
LIMIT: Final = "order_qty_max_e8"
"""What the two releases differ in; both let the load's orders through."""

WINDOW_MIN_MS: Final = 3_000
"""A window has to be longer than the longest pause."""

_REPLAY_TIMEOUT_S: Final = 3_600
_NAMES: Final = ("one", "other")


@dataclass(slots=True)
class Swapped:
    """What one engine's run found; times in microseconds."""

    paused_us: list[int] = field(default_factory=list[int])
    """How long orders had to wait at the most, a switch each."""
    took_us: list[int] = field(default_factory=list[int])
    """From asking for the switch to its answer."""
    beside: list[Loaded] = field(default_factory=list[Loaded])
    """Windows in which nothing was switched."""
    under: list[Loaded] = field(default_factory=list[Loaded])
    """Windows full of switches."""
    decisions: int = 0
    wrong: int = 0
    """Decisions that name another release than the log says was in force."""
    failed: int = 0
    """Decisions that an engine's failure denied."""
    replayed: int = 0
    different: int = 0


def measure(folder: Path, scale: Scale) -> Findings:
    """Both engines, one after the other; anything wrong makes it no figure."""
    releases = _releases(folder)
    wanted = SWITCHES[scale.name]
    found = {name: _run(folder / name, releases, name, wanted[name], scale) for name in wanted}
    for name, swapped in found.items():
        if swapped.wrong or swapped.different or swapped.failed:
            raise BenchError(f"{name}: {swapped}")
    return _findings(found)


def _releases(folder: Path) -> dict[str, Path]:
    """Two releases of the same rules; one limit of the other is a millionth of a share less."""
    one = bench_release(folder / _NAMES[0])
    data: dict[str, Any] = json.loads((one / "data.json").read_bytes())
    data["limits"]["global"][LIMIT] -= 100
    build(SOURCE, folder / _NAMES[1], LABEL, canonical.encode(data))
    return {name: folder / name for name in _NAMES}


def _run(
    folder: Path, releases: Mapping[str, Path], engine: str, count: int, scale: Scale
) -> Swapped:
    folder.mkdir(parents=True)
    link = folder / "release"
    link.symlink_to(releases[_NAMES[0]])
    swapped = Swapped()
    work = workload.write_orders(folder / "orders")
    with _gateway(folder, link, engine) as gateway:
        target = Target(f"{gateway.server.url}/v1/orders", work, gateway.key, ORDER_STATUSES)
        _window(target, scale)
        while len(swapped.paused_us) < count:
            swapped.beside.append(_window(target, scale))
            with _switching(gateway, link, releases, count, swapped):
                swapped.under.append(_window(target, scale))
        data = gateway.data
    _examine(data, swapped)
    _replay(data, swapped)
    return swapped


def _window(target: Target, scale: Scale) -> Loaded:
    measured_ms = max(scale.measured_ms, WINDOW_MIN_MS)
    return load(target, measured_ms=measured_ms, clients=CLIENTS)


@contextlib.contextmanager
def _switching(
    gateway: Gateway, link: Path, releases: Mapping[str, Path], count: int, swapped: Swapped
) -> Iterator[None]:
    """Switch without a pause for as long as the block lasts, or until there were enough.

    Raises:
        BenchError: a switch was refused.
    """
    over = threading.Event()
    problems: list[Exception] = []

    def run() -> None:
        try:
            while not over.is_set() and len(swapped.paused_us) < count:
                _switch(gateway, link, releases, swapped)
        except Exception as error:  # noqa: BLE001  told where the block ends
            problems.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if problems:
        raise BenchError(f"a switch failed: {problems[0]}") from problems[0]


def _switch(gateway: Gateway, link: Path, releases: Mapping[str, Path], swapped: Swapped) -> None:
    name = _NAMES[(len(swapped.paused_us) + 1) % 2]
    turned = link.with_name("release.new")
    turned.symlink_to(releases[name])
    turned.replace(link)
    digest = load_release(releases[name]).digest
    began_ns = time.monotonic_ns()
    answer = gateway.call("POST", "/v1/policy/switch", {"digest": digest})
    swapped.took_us.append((time.monotonic_ns() - began_ns) // 1_000)
    swapped.paused_us.append(int(answer["paused_us"]))


@contextlib.contextmanager
def _gateway(folder: Path, release: Path, engine: str) -> Iterator[Gateway]:
    """`writ serve` in RESEARCH: orders that rest at the simulator would clog it in a long run."""
    environment = gateway_environment("RESEARCH", release)
    data, port = folder / "data", free_port()
    key = with_scopes(data, environment, "propose", "read", "admin")
    with contextlib.ExitStack() as stack:
        if engine == SERVER:
            environment |= _set_up(folder, data, environment, port)
        command = [WRIT, "serve", "--data", data, "--port", str(port)]
        server = stack.enter_context(announced(command, environment, folder / "stderr"))
        gateway = Gateway(server, data, key)
        if engine == SERVER:
            stack.enter_context(_opa(folder))
            _until_ready(gateway)
        yield gateway


def _set_up(folder: Path, data: Path, environment: Mapping[str, str], port: int) -> dict[str, str]:
    """The files of an OPA server, and the settings of a gateway that asks it."""
    key_file, token_file = folder / "opa.key", folder / "opa.token"
    key_file.write_text(with_scopes(data, environment, "policy:read"), encoding="ascii")
    token_file.write_text(canonical.digest(str(folder).encode()), encoding="ascii")
    token_file.chmod(0o600)
    url = f"http://127.0.0.1:{free_port()}"
    written = write_setup(
        folder / "opa",
        gateway_url=f"http://127.0.0.1:{port}",
        key_file=key_file,
        at=read_endpoint(url, token_file, moment(SystemClock())),
        diagnostic=None,
    )
    (folder / "command").write_text(json.dumps(written.command), encoding="utf-8")
    return {
        "WRIT_ENGINE": SERVER,
        "WRIT_OPA_URL": url,
        "WRIT_OPA_TOKEN_FILE": str(token_file),
        "WRIT_ENGINE_TIMEOUT_MS": "10000",
    }


@contextlib.contextmanager
def _opa(folder: Path) -> Iterator[None]:
    command: list[str] = json.loads((folder / "command").read_bytes())
    command[0] = str(find_opa())
    with (
        (folder / "opa-stderr").open("ab") as log,
        subprocess.Popen([*command, "--log-level=error"], stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def _until_ready(gateway: Gateway) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(BenchError):
            gateway.call("GET", "/readyz")
            return
        time.sleep(0.1)
    raise BenchError("the OPA server did not take the release")


def _examine(data: Path, swapped: Swapped) -> None:
    """Read the whole log once."""
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="ascii").strip())
    in_force = "none"
    for kind, payload in entries(data / "log", vkey):
        if kind == "release":
            in_force = payload["release_digest"]
        elif kind == "decision":
            swapped.decisions += 1
            swapped.wrong += payload["release_digest"] != in_force
            swapped.failed += payload["failure"] != "none"


def _replay(data: Path, swapped: Swapped) -> None:
    """Verify the log and make every decision again from the published files alone."""
    command = [WRIT, "audit", "replay", "--log", data / "log", "--vkey", data / "log.vkey"]
    done = subprocess.run(
        [str(part) for part in (*command, "-o", "json")],
        capture_output=True,
        text=True,
        timeout=_REPLAY_TIMEOUT_S,
        check=False,
    )
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        raise BenchError(f"the log does not replay: {done.stderr[-500:]}") from error
    swapped.replayed = int(found["equal"])
    swapped.different = int(found["decisions"]) - int(found["equal"])


def _findings(found: Mapping[str, Swapped]) -> Findings:
    figures: dict[str, Figure] = {}
    for name, swapped in found.items():
        key = name.replace("-", "_")
        paused = [us / 1_000 for us in swapped.paused_us]
        figures[f"switch_pause_ms_{key}"] = Figure.of(paused, "ms")
        figures[f"switch_wrong_revisions_{key}"] = Figure.of([swapped.wrong], "decisions")
    table = Table(
        f"Releases switched under load, {CLIENTS} clients, in RESEARCH",
        (
            *("engine", "switches", "decisions", "refused", "wrong revision", "replayed equal"),
            *("pause p50 ms", "pause p99 ms", "p50 ms beside", "p50 ms under"),
            *("p99 ms beside", "p99 ms under"),
        ),
        tuple(_row(name, swapped) for name, swapped in found.items()),
    )
    note = (
        "Refused: denials by an engine's failure; an answer that is no recorded decision ends the "
        "measurement. That no permit is refused for its release is a matter of the tests. The "
        "pause is how long an order can have waited for a switch; beside and under are the "
        "answers to orders in windows without "
        "switches and in windows full of them."
    )
    return Findings(figures, [table], [note])


def _row(name: str, swapped: Swapped) -> tuple[str, ...]:
    def latency(windows: list[Loaded], at: str) -> str:
        return f"{median(loaded.latency_us[at] for loaded in windows) / 1_000:.1f}"

    paused = sorted(swapped.paused_us)
    return (
        *(name, f"{len(paused):,}", f"{swapped.decisions:,}"),
        *(str(swapped.failed), str(swapped.wrong)),
        f"{swapped.replayed:,}",
        f"{paused[len(paused) // 2] / 1_000:.1f}",
        f"{paused[(len(paused) * 99) // 100] / 1_000:.1f}",
        *(latency(swapped.beside, "p50"), latency(swapped.under, "p50")),
        *(latency(swapped.beside, "p99"), latency(swapped.under, "p99")),
    )
