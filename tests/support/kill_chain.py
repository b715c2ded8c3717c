"""A gateway that is killed under load again and again, and what its clients can prove afterwards.

The clients write down what they were told. After each restart their notes are compared with the
published log, with the simulator's own book and with the tap on the wire (`rough_serve`).
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateway.api import times
from gateway.market.historical import shipped_feed
from signing.keys import Vkey
from signing.verify import verify_log
from support.http_load import Client, LostConnectionError, Reply
from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.published import Published
from support.release_folder import write_release

CLIENTS = 32
IN_FLIGHT_MIN = 8
CYCLES_PER_FOLDER = 9
"""Then a new log is begun: verifying after each kill stays short, first starts are killed too."""
AGAIN_MAX = 16
"""Answered requests that are sent again after each restart, beside all the unanswered."""
CATCH_UP_S = 60

LIMITCHECK = Path(__file__).parents[1] / "foreign" / "limitcheck" / "limitcheck.py"
QUOTES = [times.written(quote_us) for _, quote_us in shipped_feed().tradable_sessions()]
DOLLAR = 1_000_000
WIDE = {
    "day_turnover_max_micros": 100_000_000 * DOLLAR,
    "gross_exposure_max_micros": 10_000_000 * DOLLAR,
    "position_notional_max_micros": 10_000_000 * DOLLAR,
    "leverage_max_bps": 10_000_000,
    "asset_exposure_max_bps": 10_000_000,
    "initial_margin_min_bps": 1,
    "maintenance_margin_min_bps": 1,
    "sector_exposure_max_bps": 10_000_000,
    "margin_debit_max_micros": 10_000_000 * DOLLAR,
    "day_loss_max_micros": 10_000_000 * DOLLAR,
    "drawdown_max_bps": 9_999,
}
"""Limits that do not bind here, but one: an order of more than 30,000 dollars is denied."""


@dataclass(slots=True)
class Note:
    """What a client knows of one order that it sent."""

    key: str
    body: dict[str, Any]
    reply: Reply | None = None


@dataclass(slots=True)
class Kill:
    """One line of the table."""

    number: int
    signal: str
    in_flight: int
    """Requests sent whole and never answered."""
    acknowledged: int
    """Decisions acknowledged since the last one."""
    restart_ms: int = 0
    entries: int = 0
    in_doubt: int = 0
    """Orders that the restart had to settle with the broker."""
    counted: bool = True


@dataclass(slots=True)
class Tally:
    """Everything found, over every kill; the last five must be empty."""

    kills: list[Kill] = field(default_factory=list[Kill])
    killed_while_starting: int = 0
    acknowledged: int = 0
    allowed: int = 0
    forwarded: int = 0
    asked_again: int = 0
    lost: list[str] = field(default_factory=list[str])
    phantom: list[str] = field(default_factory=list[str])
    duplicate: list[str] = field(default_factory=list[str])
    unverified: list[str] = field(default_factory=list[str])
    other_answers: list[str] = field(default_factory=list[str])
    """Keys that were answered otherwise when asked again, or led to two decisions."""

    @property
    def counted(self) -> int:
        return sum(kill.counted for kill in self.kills)

    @property
    def faults(self) -> tuple[int, int, int, int, int]:
        return (
            len(self.lost),
            len(self.phantom),
            len(self.duplicate),
            len(self.unverified),
            len(self.other_answers),
        )

    def table(self) -> str:
        """Each kill, and the sums."""
        lines = ["kill  signal   in flight  acknowledged  in doubt  restart ms  entries"]
        lines += [
            f"{k.number:4}  {k.signal:7}  {k.in_flight:9}  {k.acknowledged:12}  {k.in_doubt:8}"
            f"  {k.restart_ms:10}  {k.entries:7}{'' if k.counted else '  not counted'}"
            for k in self.kills
        ]
        flights = [kill.in_flight for kill in self.kills if kill.counted] or [0]
        lines += [
            f"{self.counted} kills counted, {min(flights)} to {max(flights)} requests in flight",
            f"{self.killed_while_starting} more kills while starting",
            f"{self.acknowledged} decisions acknowledged, {self.allowed} of them allowed",
            f"{self.forwarded} orders forwarded, {self.asked_again} keys asked again",
            "acknowledged lost {}, phantom forwards {}, duplicate forwards {}, "
            "logs that do not verify {}, other answers {}".format(*self.faults),
        ]
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self) | {"counted": self.counted}, indent=1))


def tapped(folder: Path, release: Path) -> GatewayProcess:
    """A gateway with the tap on its wire."""
    script = Path(__file__).with_name("rough_serve.py")
    server = simulation(folder, release, ROUGH_WIRE=str(folder / "wire"))
    server.program = (sys.executable, str(script))
    return server


class Chain:
    """Kills one gateway after the other; make one for each process that shall do so."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.tally = Tally()
        self._folder = folder
        self._rng = random.Random(seed)
        self._number = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._release = write_release(folder / "release", **WIDE)
        self._key, self._access = "", b""

    def run(self, kills: int, end_s: float) -> Tally:
        """Kill until so many are counted, or until this moment of the monotonic clock."""
        part = 0
        while self.tally.counted < kills and time.monotonic() < end_s:
            part += 1
            cycles = min(CYCLES_PER_FOLDER, kills - self.tally.counted)
            asyncio.run(self._part(self._folder / f"part{part}", cycles, end_s))
        return self.tally

    async def _part(self, folder: Path, kills: int, end_s: float) -> None:
        folder.mkdir()  # noqa: ASYNC240  nothing else runs on this loop yet
        part = Part(tapped(folder, self._release), self._rng, self.tally)
        part.server.key = self._key
        if self._access:
            part.server.data.mkdir()
            (part.server.data / "access.json").write_bytes(self._access)
            (part.server.data / "access.json").chmod(0o600)
        await part.start()
        if not self._key:
            self._key = part.server.new_key("ops", *ALL_SCOPES)
            part.server.key = self._key
            self._access = (part.server.data / "access.json").read_bytes()
        wanted = self.tally.counted + kills
        while self.tally.counted < wanted and time.monotonic() < end_s:
            self._number += 1
            await part.cycle(self._number)
        await part.end()
        if not any(self.tally.faults):
            shutil.rmtree(folder)


class Part:
    """One data folder over several kills."""

    def __init__(self, server: GatewayProcess, rng: random.Random, tally: Tally) -> None:
        self.server = server
        self.notes: dict[str, Note] = {}
        self._rng = rng
        self._tally = tally
        self._log = Published(server.data / "log")
        self._orders: list[str] = []
        """Order ids that may be cancelled."""
        self._serial = 0

    async def start(self) -> None:
        """Start it, or see it fail to."""
        await asyncio.to_thread(self.server.start)

    async def cycle(self, number: int) -> None:
        """Load, kill, start again, compare."""
        await self._lift()
        if self._rng.random() < 0.4:
            await self._move_market()
        gently = self._rng.random() < 0.08
        kill = await self._load_and_kill(number, signal.SIGTERM if gently else signal.SIGKILL)
        self._tally.kills.append(kill)
        before = self.server.folder / f"log{number}"
        if (self.server.data / "log" / "checkpoint").exists():
            shutil.copytree(self.server.data / "log", before)
        verifying = asyncio.create_task(asyncio.to_thread(self._verify, before))
        if self._rng.random() < 0.15:
            await self._kill_while_starting()
        began = time.monotonic()
        await self.start()
        kill.restart_ms = int((time.monotonic() - began) * 1000)
        await verifying
        await self._compare(kill)
        await self._ask_again()

    async def end(self) -> None:
        """Stop it as a person would, and look at everything once more, with the command too."""
        assert await asyncio.to_thread(self.server.stop) == 0, self.server.log()
        log = self.server.data / "log"
        self._log.read_on()
        self._look_for_lost()
        self._look_at_wire()
        done = self.server.writ(
            "audit", "verify", "--log", str(log), "--vkey", str(self.server.data / "log.vkey")
        )
        if done.status != 0:
            self._tally.unverified.append(f"{log}: {done.out} {done.err}")
        self._tally.unverified += await asyncio.to_thread(breaches, log)
        self._tally.forwarded += len(self._wire())
        acknowledged = [note.reply for note in self.notes.values() if note.reply is not None]
        self._tally.acknowledged += len(acknowledged)
        self._tally.allowed += sum(reply.status == 201 for reply in acknowledged)

    # ---- load

    async def _load_and_kill(self, number: int, signum: signal.Signals) -> Kill:
        known = sum(note.reply is not None for note in self.notes.values())
        clients = [Client(self.server.url, self.server.key) for _ in range(CLIENTS)]
        loads = [asyncio.create_task(self._load(client)) for client in clients]
        await asyncio.sleep(self._rng.uniform(0.05, 0.5))
        assert self.server.process is not None
        self.server.process.send_signal(signum)
        await asyncio.gather(*loads)  # each ends when its connection does, having read all there is
        status = await asyncio.to_thread(self.server.stop, signum)
        assert status == (0 if signum == signal.SIGTERM else -signal.SIGKILL), self.server.log()
        in_flight = sum(client.under_way for client in clients)
        acknowledged = sum(note.reply is not None for note in self.notes.values()) - known
        counted = signum == signal.SIGKILL and in_flight >= IN_FLIGHT_MIN
        return Kill(number, signum.name, in_flight, acknowledged, counted=counted)

    async def _load(self, client: Client) -> None:
        try:
            while True:
                if self._orders and self._rng.random() < 0.15:
                    order_id = self._orders.pop(self._rng.randrange(len(self._orders)))
                    await client.ask("DELETE", f"/v1/orders/{order_id}")
                else:
                    await self._propose(client)
        except LostConnectionError:
            return

    async def _propose(self, client: Client) -> None:
        self._serial += 1
        note = Note(f"k{self._serial}", self._body())
        self.notes[note.key] = note
        reply = await client.order(note.key, note.body)
        if reply.status in (201, 403):
            note.reply = reply
            if reply.status == 201:
                self._orders.append(reply.body["order_id"])
        else:  # refused, and said so: only a gateway that stops does that here
            assert reply.status == 503, reply

    def _body(self) -> dict[str, Any]:
        rng = self._rng
        return {
            "account": "primary",
            "symbol": rng.choice(("AAPL", "MSFT")),
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            "qty": str(5_000 if rng.random() < 0.2 else rng.randint(1, 3)),
            "client_order_id": f"c{self._serial}",
        }

    # ---- afterwards

    async def _kill_while_starting(self) -> None:
        self.server.spawn()
        await asyncio.sleep(self._rng.uniform(0.1, 1.3))
        await asyncio.to_thread(self.server.stop, signal.SIGKILL)
        self._tally.killed_while_starting += 1

    def _verify(self, copy: Path) -> None:
        vkey = self.server.data / "log.vkey"
        if copy.exists() and vkey.exists():
            report = verify_log(copy, Vkey.parse(vkey.read_text().strip()))
            if not report.ok:
                self._tally.unverified.append(f"{copy}: {report.steps}")
                return
            shutil.rmtree(copy)

    async def _compare(self, kill: Kill) -> None:
        """What was acknowledged is published again; what went out had been decided."""
        end = time.monotonic() + CATCH_UP_S
        newest = [note.reply.decision_id for note in self.notes.values() if note.reply is not None]
        while True:
            size = self._log.read_on()
            if set(newest) <= self._log.decisions.keys() or time.monotonic() > end:
                break
            await asyncio.sleep(0.02)
        kill.entries = size
        restart = max(i for i, (kind, _) in enumerate(self._log.entries) if kind == "certificate")
        kill.in_doubt = sum(kind == "settlement" for kind, _ in self._log.entries[restart:])
        self._look_for_lost()
        self._look_at_wire()

    def _look_for_lost(self) -> None:
        told, others = set[str](), set[str]()
        for note in self.notes.values():
            if note.reply is None:
                continue
            found = self._log.decisions.get(note.reply.decision_id)
            if found is None or found[1]["allow"] != (note.reply.status == 201):
                told.add(f"{note.key} {note.reply.decision_id}")
        for caller, decisions in self._log.by_caller.items():
            if len(decisions) > 1:
                others.add(f"{caller} has decisions {decisions}")
        self._tally.lost += sorted(told.difference(self._tally.lost))
        self._tally.other_answers += sorted(others.difference(self._tally.other_answers))

    def _wire(self) -> list[tuple[str, str]]:
        path = self.server.folder / "wire"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(client_id, word) for client_id, word in (line.split() for line in lines)]

    def _look_at_wire(self) -> None:
        """Compare the wire and the broker's own book with what the log allows."""
        wire, tally = self._wire(), self._tally
        allowed = {p["broker_client_id"] for _, p in self._log.decisions.values() if p["allow"]}
        phantom = {client_id for client_id, word in wire if word != "durable"}
        counts = Counter(client_id for client_id, _ in wire)
        twice = {client_id for client_id, count in counts.items() if count > 1}
        submitted = Counter(p["decision_id"] for k, p in self._log.entries if k == "submission")
        twice |= {decision for decision, count in submitted.items() if count > 1}
        held = broker_orders(self.server.data)
        phantom |= (held - allowed) | (held - counts.keys())
        # What was found after an earlier kill is told once.
        tally.phantom += sorted(phantom.difference(tally.phantom))
        tally.duplicate += sorted(twice.difference(tally.duplicate))

    async def _ask_again(self) -> None:
        """The same keys: who was answered hears the same, who was not hears what is recorded."""
        unanswered = [note for note in self.notes.values() if note.reply is None]
        answered = [note for note in self.notes.values() if note.reply is not None]
        notes = unanswered + self._rng.sample(answered, min(AGAIN_MAX, len(answered)))
        clients = [Client(self.server.url, self.server.key) for _ in range(8)]
        shares = [notes[n :: len(clients)] for n in range(len(clients))]
        await asyncio.gather(
            *(self._ask_each(c, share) for c, share in zip(clients, shares, strict=True))
        )

    async def _ask_each(self, client: Client, notes: list[Note]) -> None:
        for note in notes:
            reply = await client.order(note.key, note.body)
            assert reply.status in (201, 403), reply
            recorded = self._log.by_caller.get(note.body["client_order_id"], [])
            expected = (
                note.reply.decision_id if note.reply else (recorded or [reply.decision_id])[0]
            )
            first = note.reply.status if note.reply else reply.status
            if (reply.decision_id, reply.status) != (expected, first):
                self._tally.other_answers.append(f"{note.key}: {reply.body}, not {expected}")
            note.reply = note.reply or reply
            self._tally.asked_again += 1
        client.close()

    async def _lift(self) -> None:
        client = Client(self.server.url, self.server.key)
        lifted = await client.ask("POST", "/v1/omega4", {"lifted": True, "reason": "a test"})
        assert lifted.status == 200, lifted
        client.close()

    async def _move_market(self) -> None:
        """To the next quote: what is open fills."""
        client = Client(self.server.url, self.server.key)
        now = (await client.ask("GET", "/v1/market/clock")).body["now"]
        later = next((quote for quote in QUOTES if quote > now), None)
        if later is not None:
            moved = await client.ask("POST", "/v1/market/clock", {"now": later})
            assert moved.status == 200, moved
        client.close()


def breaches(log: Path) -> list[str]:
    """What the program that adds up a log by itself has to say against it."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LIMITCHECK), str(log)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [] if done.returncode == 0 else [f"{log}: {done.stdout} {done.stderr}"]


def broker_orders(data: Path) -> set[str]:
    """The client ids in the simulator's own book."""
    path = data / "simulator.db"
    if not path.exists():
        return set()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        return {row[0] for row in book.execute("SELECT broker_client_id FROM orders")}
