"""Where an order comes from: which runs are attested, by whom, and what the policy is told.

A run is attested by a signed statement over its output file, from a key that the operator trusts,
or by being listed as audited in the ledger of audits. Once the output file lies beside its
statement it has to be the file that was signed: a run with a file that was changed is not
attested, whoever else lists it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from gateway.domain.book import NONE
from gateway.domain.order import Order
from gateway.facts.files import Broken, FileReader, read_keys
from signing.attestation import (
    ATTESTATION_BYTES_MAX,
    SUFFIX,
    Attestation,
    AttestationError,
    file_digest,
    read_attestation,
)
from signing.trusted import TrustedKeys

RUNS_MAX: Final = 10_000
"""Attestations in the folder, and audited runs in the ledger; with more, none of them counts."""
LEDGER_BYTES_MAX: Final = 64 * 1024 * 1024
LEDGER_LINE_BYTES_MAX: Final = 65_536
PROBLEMS_MAX: Final = 20
AUDITED: Final = "audited"
"""The status of a run that the ledger vouches for."""
BY_LEDGER: Final = "run-ledger"
"""Who attested a run that the ledger lists."""
_NOBODY: Final = frozenset({NONE, BY_LEDGER})
"""What a document says where no key attested a run: no key may go by it."""

_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Runs:
    """Which runs are attested.

    Attributes:
        by: run id -> whose key attested it, or BY_LEDGER.
        problems: what was wrong with files, in words; nothing of those counts.
    """

    by: Mapping[str, str] = field(default_factory=dict[str, str])
    problems: tuple[str, ...] = ()


def provenance_facts(order: Order, runs: Runs) -> dict[str, Any] | None:
    """The ``provenance`` section: absent for an order that names no run."""
    if order.source_run is None:
        return None
    by = runs.by.get(order.source_run)
    return {"source_run": order.source_run, "attested": by is not None, "by": by or NONE}


class RunFiles:
    """The files that say which runs are attested; one :meth:`look` at a time."""

    def __init__(self, attesters: Path | None, folder: Path | None, ledger: Path | None) -> None:
        """Read from these places; one that is not given says nothing.

        Args:
            attesters: the file of trusted keys.
            folder: the attestations, and the output files that they name.
            ledger: the audits, one JSON object a line.
        """
        self._attesters, self._folder, self._ledger = attesters, folder, ledger
        self._keys = FileReader(read_keys)
        self._attestations = FileReader(_read_attestation)
        self._digests = FileReader(file_digest)
        self._audits = FileReader(read_ledger)

    def look(self) -> Runs:
        """Read what changed since the last look; blocks."""
        problems: list[str] = []
        listed = dict.fromkeys(self._listed(problems), BY_LEDGER)
        signed, changed = self._signed(self._trusted(problems), problems)
        by = {run: name for run, name in (listed | signed).items() if run not in changed}
        return Runs(by, tuple(problems[:PROBLEMS_MAX]))

    def _trusted(self, problems: list[str]) -> TrustedKeys:
        if self._attesters is None:
            if self._folder is not None:
                problems.append("attestations: no attesters are configured")
            return TrustedKeys()
        found = self._keys.value(self._attesters)
        if isinstance(found, Broken):
            problems.append(f"attesters {self._attesters.name}: {found.reason}")
            return TrustedKeys()
        if reserved := _NOBODY.intersection(found.names.values()):
            problems.append(
                f"attesters {self._attesters.name}: no key can be named {min(reserved)}"
            )
            return TrustedKeys()
        return found

    def _signed(self, trusted: TrustedKeys, problems: list[str]) -> tuple[dict[str, str], set[str]]:
        """The runs with a trusted attestation, and those of which an output file was changed."""
        if self._folder is None:
            return {}, set()
        paths = _attestation_paths(self._folder)
        if isinstance(paths, Broken):
            problems.append(f"attestations {self._folder.name}: {paths.reason}")
            return {}, set()
        signed: dict[str, str] = {}
        changed: set[str] = set()
        outputs: set[Path] = set()
        for path in paths:
            found = self._attestations.value(path)
            name = None if isinstance(found, Broken) else trusted.signer_of(found)
            if isinstance(found, Broken) or name is None:
                reason = found.reason if isinstance(found, Broken) else "no trusted key signed it"
                problems.append(f"attestation {path.name}: {reason}")
                continue
            outputs.add(output := self._folder / found.file_name)
            if self._stands(output, found):
                signed[found.run_id] = name
            else:
                changed.add(found.run_id)
                problems.append(f"output {output.name}: is not the file that was attested")
        self._attestations.keep(paths)
        self._digests.keep(outputs)
        return signed, changed

    def _stands(self, output: Path, attestation: Attestation) -> bool:
        """Whether the output file is the one that was signed, or not here."""
        if not os.path.lexists(output):
            return True
        return self._digests.value(output) == attestation.sha256

    def _listed(self, problems: list[str]) -> frozenset[str]:
        if self._ledger is None:
            return frozenset()
        found = self._audits.value(self._ledger)
        if isinstance(found, Broken):
            problems.append(f"run ledger {self._ledger.name}: {found.reason}")
            return frozenset()
        return found


def _attestation_paths(folder: Path) -> list[Path] | Broken:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(SUFFIX))
    except OSError as error:
        return Broken(error.strerror or "cannot be read")
    if len(names) > RUNS_MAX:
        return Broken(f"has more than {RUNS_MAX} attestations")
    return [folder / name for name in names]


def _read_attestation(file: BinaryIO) -> Attestation | Broken:
    try:
        return read_attestation(file.read(ATTESTATION_BYTES_MAX + 2))
    except AttestationError as error:
        return Broken(str(error))


def read_ledger(file: BinaryIO) -> frozenset[str] | Broken:
    """The runs whose newest line in the ledger of audits has the status ``audited``.

    Lines without a run id are other records and are left out. A last line that has no line end
    and is not JSON is still being written, and is left out as well.
    """
    newest: dict[str, str] = {}
    size, number = 0, 0
    while line := file.readline(LEDGER_LINE_BYTES_MAX + 1):
        number, size = number + 1, size + len(line)
        if size > LEDGER_BYTES_MAX:
            return Broken(f"has more than {LEDGER_BYTES_MAX} bytes")
        if len(line) > LEDGER_LINE_BYTES_MAX:
            return Broken(f"line {number} has more than {LEDGER_LINE_BYTES_MAX} bytes")
        try:
            record = _json(line)
        except _LineError as error:
            if not line.endswith(b"\n"):
                break
            return Broken(f"line {number}: {error}")
        try:
            found = _audit(record)
        except _LineError as error:
            return Broken(f"line {number}: {error}")
        if found is not None:
            newest[found[0]] = found[1]
    audited = frozenset(run for run, status in newest.items() if status == AUDITED)
    return audited if len(audited) <= RUNS_MAX else Broken(f"lists more than {RUNS_MAX} runs")


class _LineError(ValueError):
    """A line of the ledger that cannot be understood."""


def _json(line: bytes) -> dict[str, object]:
    """The object of a line; an empty line is an empty object. No number becomes a float."""
    if not line.strip():
        return {}
    try:
        record: object = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_no_text,
            parse_float=_no_text,
            parse_constant=_no_text,
        )
    except (ValueError, RecursionError) as error:
        raise _LineError("is not JSON with each name once") from error
    if not isinstance(record, dict):
        raise _LineError("is not a JSON object")
    return cast("dict[str, object]", record)


def _audit(record: Mapping[str, object]) -> tuple[str, str] | None:
    """Run id and status of a line, or None for a line about something else."""
    if "run_id" not in record:
        return None
    run_id, status = record["run_id"], record.get("status")
    if not isinstance(run_id, str) or not _ID.fullmatch(run_id):
        raise _LineError("run_id is not an id of at most 64 of A-Z a-z 0-9 _ . : -")
    if not isinstance(status, str):
        raise _LineError("status is not a text")
    return run_id, status


def _no_text(_: str) -> None:
    """Numbers say nothing here, and must not pass for the texts that they are written as."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("has the same name twice")
    return found
