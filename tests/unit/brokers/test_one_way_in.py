"""The gate is the only way to a broker: read from the sources, not from a promise."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway

ROOT = Path(gateway.__file__).parent
BROKERS = ROOT / "brokers"
POOLS = {"executor", "pool"}
"""Names under which a thread pool, which also has a ``submit``, may be held."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def submits(tree: ast.Module) -> int:
    """How often a module reaches for ``submit`` on anything but a pool."""
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "submit":
            holder = node.value
            name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
            found += name.strip("_") not in POOLS
    return found


def replaces_at_a_broker(tree: ast.Module) -> int:
    """How often a module reaches for a broker's ``replace``; a text's and a value's are others."""
    return sum(
        isinstance(node, ast.Attribute)
        and node.attr == "replace"
        and isinstance(node.value, ast.Name)
        and node.value.id == "broker"
        for node in ast.walk(tree)
    )


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.requirement("S3-01")
def test_submit_is_called_in_the_gate_and_nowhere_else() -> None:
    calls = {name: submits(tree) for name, tree in modules()}
    assert {name: count for name, count in calls.items() if count} == {"brokers/gate.py": 1}


@pytest.mark.requirement("S3-01")
def test_replace_is_called_in_the_gate_and_nowhere_else() -> None:
    calls = {name: replaces_at_a_broker(tree) for name, tree in modules()}
    assert {name: count for name, count in calls.items() if count} == {"brokers/gate.py": 1}


@pytest.mark.requirement("S3-01")
def test_brokers_are_opened_by_the_bootstrap_alone() -> None:
    openers = {
        name
        for name, tree in modules()
        if not name.startswith("brokers/")
        and any(part.startswith("gateway.brokers") for part in imported(tree))
    }
    assert {name.split("/")[0] for name in openers} == {"bootstrap"}


def test_an_adapter_is_imported_by_the_registry_and_its_own_folder_alone() -> None:
    folders = {path.parent.name for path in BROKERS.glob("*/adapter.py")}
    assert {"null", "simulator"} <= folders
    for name, tree in modules():
        for folder in folders:
            package = f"gateway.brokers.{folder}"
            if any(part.startswith(package) for part in imported(tree)):
                assert name == "brokers/registry.py" or name.startswith(f"brokers/{folder}/")


def test_the_sources_were_read() -> None:
    assert len(list(modules())) > 20
    assert submits(ast.parse("self._executor.submit(work); broker.submit(order)")) == 1
    assert submits(ast.parse("send = brokers['a'].submit")) == 1
