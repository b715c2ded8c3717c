"""Running gateways for tests that type what users type."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.release_folder import write_release


def _running(folder: Path) -> Generator[GatewayProcess]:
    server = simulation(folder, write_release(folder / "release"))
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        yield server
    finally:
        if server.process is not None:
            assert server.stop() == 0, server.log()


@pytest.fixture
def gateway_server(tmp_path: Path) -> Generator[GatewayProcess]:
    """A gateway of the test's own, in SIMULATION; Ω4 is in force."""
    yield from _running(tmp_path)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[GatewayProcess]:
    """One gateway for a module whose tests leave each other alone; Ω4 is lifted."""
    for server in _running(tmp_path_factory.mktemp("gateway")):
        lifted = server.writ("omega4", "lift", "--reason", "test")
        assert lifted.status == 0, lifted.err
        yield server
