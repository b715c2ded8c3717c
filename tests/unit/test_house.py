"""Rules of the house that no linter holds: sizes, names, floats, lost exceptions, documents."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import requirements_plugin

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("gateway", "signing", "vault", "policies")
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
BROAD = {"Exception", "BaseException"}

Rule = Callable[[ast.Module], Iterator[tuple[int, str]]]


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(node: ast.expr) -> str:
    """Returns the last name of a dotted expression."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def long_functions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines"


def floats(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) == "float":
            yield node.lineno, "float() is called"


def does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass | ast.Continue):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def swallowed(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Finds handlers that do nothing (a narrow `suppress` says so openly) and broad `suppress`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and all(map(does_nothing, node.body)):
            yield node.lineno, "an exception is swallowed"
        if isinstance(node, ast.Call) and name_of(node.func) == "suppress":
            for argument in node.args:
                if name_of(argument) in BROAD:
                    yield node.lineno, "every exception is suppressed"


def findings(rule: Rule, paths: list[Path]) -> list[str]:
    assert paths
    found = []
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(ROOT)}:{line} {text}" for line, text in rule(tree)]
    return found


def test_modules_are_short() -> None:
    paths = modules(*PRODUCT, "scripts")
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {str(path): n for path, n in counts.items() if n > MODULE_LINES_MAX} == {}


def test_functions_are_short() -> None:
    assert findings(long_functions, modules(*PRODUCT, "scripts")) == []


def test_nothing_becomes_a_float() -> None:
    assert findings(floats, modules(*PRODUCT)) == []


def test_no_exception_is_swallowed() -> None:
    assert findings(swallowed, modules(*PRODUCT, "scripts")) == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "misc", "common"}
    assert [path for path in modules(*PRODUCT) if drawers & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (floats, "x = float('1')", "x = int('1')"),
        (floats, "x = builtins.float(y)", "x: float"),
        (swallowed, "try:\n  f()\nexcept OSError:\n  pass", "try:\n  f()\nexcept OSError:\n  g()"),
        (swallowed, "while f():\n try:\n  g()\n except E:\n  ...\n  continue", "f()"),
        (swallowed, "with contextlib.suppress(Exception): f()", "with suppress(OSError): f()"),
        (long_functions, "def f():\n" + "  g()\n" * 70, "def f():\n" + "  g()\n" * 69),
        (long_functions, "async def f():\n" + "  g()\n" * 70, "async def f(): ..."),
    ],
)
def test_the_rules_find_what_they_forbid(rule: Rule, bad: str, good: str) -> None:
    assert list(rule(ast.parse(bad)))
    assert not list(rule(ast.parse(good)))


def test_every_requirement_row_is_written_down() -> None:
    counts = {"S0": 20, "S1": 15, "S2": 11, "S3": 23, "S4": 11, "W": 13}
    wanted = [f"{part}-{n:02}" for part, count in counts.items() for n in range(1, count + 1)]
    assert list(requirements_plugin.known_rows()) == wanted


def distribution(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert found
    return found[0]


def named_dependencies() -> dict[str, set[str]]:
    """Returns the packages that the project names, by the lock that must hold them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {"base": set(map(distribution, project["dependencies"]))}
    named["server"] = set(map(distribution, project["optional-dependencies"]["server"]))
    for path in (ROOT / "requirements").glob("*.in"):
        lines = path.read_text(encoding="utf-8").splitlines()
        named[path.stem] = {distribution(line) for line in lines if not line.startswith("#")}
    return named


def test_every_dependency_has_a_line_that_says_why() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    indexed = text[: text.index("## Not from a package index")]
    lines = set(re.findall(r"^\| ([a-z0-9-]+) \|", indexed, re.MULTILINE)) - {"package"}
    assert lines == set().union(*named_dependencies().values())


def test_every_dependency_is_locked_with_hashes_and_without_an_address() -> None:
    for name, packages in named_dependencies().items():
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        blocks = re.split(r"\n(?=[a-z0-9])", text)
        assert all("--hash=sha256:" in block for block in blocks)
        assert packages <= {distribution(block) for block in blocks}


def test_each_wider_lock_holds_the_narrower_one() -> None:
    pins = {
        name: set(re.findall(r"^([a-z0-9-]+==\S+)", text, re.MULTILINE))
        for name in ("base", "server", "dev")
        if (text := (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8"))
    }
    assert pins["base"] < pins["server"] < pins["dev"]
