"""The numeric regression set: expressions over numbers, run by OPA and by its WebAssembly target.

``tests/data/numeric_regression.json`` holds the cases and the versions that they were accepted
with. Numbers are compared as what they are worth, not as how they are printed; where the engines
are known to be of two minds, a case holds both answers and says why no policy is touched by it.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, cast

from opapywasm import OpaWasmPolicy, PolicyConfig

from gateway.policy.opa_tool import find_opa, required_version, run_opa
from support.policy_cases import SOURCE
from support.three_engines import serving_files

FILE: Final = Path(__file__).resolve().parents[1] / "data" / "numeric_regression.json"
ENGINES: Final = ("opa-wasm", "opa-eval", "opa-server")
UNDEFINED: Final = "(undefined)"

_PACKAGE: Final = "writ/regression"
_SOURCES: Final = ("regression.rego", "lib")
_HEAD: Final = "package writ.regression\n\nimport data.writ.lib.num\n"


@dataclass(frozen=True, slots=True)
class Question:
    """One expression, ``x`` in it bound to a JSON text, and what each engine must answer.

    ``sorted``: the answer is a set, whose order is the engine's own.
    ``why``: what went wrong once, or would if it changed.
    """

    name: str
    why: str
    rego: str
    x: str
    expected: Mapping[str, str]
    sorted: bool

    @property
    def differs(self) -> bool:
        """Whether the engines are known to answer differently."""
        return len(set(self.expected.values())) > 1


def accepted(file: Path = FILE) -> dict[str, str]:
    """The versions that the set was last accepted with."""
    return json.loads(file.read_bytes())["accepted"]


def present() -> dict[str, str]:
    """The versions that are to be used now."""
    return {"opa": required_version(), "opa-py-wasm": version("opa-py-wasm")}


def questions(file: Path = FILE) -> list[Question]:
    """The cases of the file."""
    return [_question(row) for row in json.loads(file.read_bytes())["cases"]]


def _question(row: dict[str, Any]) -> Question:
    unordered = row.get("sorted", False)
    if "differs" in row:
        wasm, opa = (_text(row["differs"][name], unordered) for name in ("wasm", "opa"))
    else:
        wasm = opa = _text(row["expect"], unordered)
    expected = {"opa-wasm": wasm, "opa-eval": opa, "opa-server": opa}
    return Question(row["id"], row["why"], row["rego"], row.get("x", "null"), expected, unordered)


def _text(answer: str, unordered: bool) -> str:
    return answer if answer == UNDEFINED else worth(answer, unordered=unordered)


def worth(answer: str, *, unordered: bool = False) -> str:
    """A JSON text with each number as what it is worth: ``1e3`` and ``1000.0`` are ``1000``."""
    value = json.loads(answer, parse_int=Decimal, parse_float=Decimal)
    plain = _plain(value)
    if unordered:
        plain = sorted(plain, key=json.dumps)
    return json.dumps(plain, sort_keys=True)


def _plain(value: object) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, Decimal):
        return f"number {int(value) if value == value.to_integral_value() else value.normalize()}"
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, object]", value).items()}
    return value


def answers(folder: Path, file: Path = FILE) -> dict[str, dict[str, str]]:
    """What each engine answers to each question; ``folder`` is empty and for this alone."""
    asked = questions(file)
    _write(folder, asked)
    given = "{" + ",".join(f"{json.dumps(q.name)}:{q.x}" for q in asked) + "}"
    (folder / "input.json").write_text(given, encoding="utf-8")
    said = {
        "opa-wasm": _wasm(folder, given.encode()),
        "opa-eval": _eval(folder),
        "opa-server": _server(folder, given),
    }
    return {engine: {q.name: _answer(found, q) for q in asked} for engine, found in said.items()}


def _write(folder: Path, asked: list[Question]) -> None:
    library = folder / "lib"
    library.mkdir()
    (library / "num.rego").write_bytes((SOURCE / "lib" / "num.rego").read_bytes())
    rules = "".join(
        f"\nanswers[{json.dumps(q.name)}] := answer if {{\n"
        f"\tx := input[{json.dumps(q.name)}]\n\tanswer := {q.rego}\n}}\n"
        for q in asked
    )
    (folder / "regression.rego").write_text(_HEAD + rules, encoding="utf-8")


def _wasm(folder: Path, given: bytes) -> dict[str, str]:
    built = folder / "module.tar.gz"
    arguments = ["build", "-t", "wasm", "-e", f"{_PACKAGE}/answers", "-o", built, *_SOURCES]
    done = run_opa(find_opa(), arguments, cwd=folder)
    assert done.status == 0, done.said
    with tarfile.open(built) as archive:
        module = archive.extractfile("/policy.wasm")
        assert module is not None
        policy = OpaWasmPolicy.from_wasm_bytes(
            module.read(), PolicyConfig(parse_raw_json_input=False)
        )
    try:
        return _named(cast("dict[str, Any]", policy.evaluate(given, f"{_PACKAGE}/answers")))
    finally:
        policy.close()


def _eval(folder: Path) -> dict[str, str]:
    arguments = ["eval", "-f", "json", "--strict-builtin-errors", "-i", "input.json"]
    arguments += [f"--data={name}" for name in _SOURCES]
    arguments.append("data.writ.regression.answers")
    done = run_opa(find_opa(), arguments, cwd=folder)
    assert done.status == 0, done.said
    return _named(_each(done.stdout)["result"][0]["expressions"][0]["value"])


def _server(folder: Path, given: str) -> dict[str, str]:
    with serving_files(folder, *_SOURCES) as server:
        answer = server.client.post(
            f"/v1/data/{_PACKAGE}/answers?strict-builtin-errors=true",
            content=f'{{"input":{given}}}'.encode(),
        )
    return _named(_each(answer.text)["result"])


class _Number(str):
    """A number as it was printed."""

    __slots__ = ()


def _each(text: str) -> Any:  # noqa: ANN401  any JSON
    return json.loads(text, parse_int=_Number, parse_float=_Number)


def _named(found: dict[str, Any]) -> dict[str, str]:
    return {name: _printed(value) for name, value in found.items()}


def _printed(value: object) -> str:
    """JSON again, each number exactly as the engine printed it."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_printed, cast("list[object]", value))) + "]"
    if isinstance(value, dict):
        rows = cast("dict[str, object]", value).items()
        return "{" + ",".join(f"{json.dumps(k)}:{_printed(v)}" for k, v in rows) + "}"
    return json.dumps(value)


def _answer(found: dict[str, str], question: Question) -> str:
    if question.name not in found:
        return UNDEFINED
    return worth(found[question.name], unordered=question.sorted)
