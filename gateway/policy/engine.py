"""Choosing the engine: by configuration, once, at the start; none stands in for another."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from gateway.domain.errors import InvalidInputError
from gateway.policy.opa_server.endpoint import DEFAULT_URL, OpaEndpoint, read_endpoint
from gateway.policy.opa_server.engine import OpaServerEngine
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release
from gateway.ports import BlockingRunner, PolicyEngine

OPA_WASM: Final = "opa-wasm"
OPA_SERVER: Final = "opa-server"


class EngineSettings(Protocol):
    """What is chosen about the engine, as ``gateway.config`` has it."""

    @property
    def engine(self) -> str:
        """``opa-wasm`` or ``opa-server``."""
        ...

    @property
    def engine_timeout_ms(self) -> int:
        """How long one call may take."""
        ...

    @property
    def opa_url(self) -> str | None:
        """Where the server is; ``None``: at its usual address."""
        ...

    @property
    def opa_token_file(self) -> Path | None:
        """The file with the token for the server."""
        ...

    @property
    def opa_ca_file(self) -> Path | None:
        """What to trust at an ``https`` server."""
        ...


def chosen_endpoint(settings: EngineSettings) -> OpaEndpoint | None:
    """The server of an ``opa-server`` engine; ``None``: the engine is in this process.

    Raises:
        InvalidInputError: ``config-invalid``: the settings contradict each other, or an address
            or token cannot be used.
    """
    named = (settings.opa_url, settings.opa_token_file, settings.opa_ca_file)
    if settings.engine == OPA_WASM:
        if any(value is not None for value in named):
            raise InvalidInputError(
                "config-invalid",
                "WRIT_OPA_… names a server, and the engine is opa-wasm, which would not ask it",
                "set WRIT_ENGINE=opa-server, or remove the WRIT_OPA_ settings",
            )
        return None
    if settings.engine != OPA_SERVER:
        raise InvalidInputError(
            "config-invalid", "WRIT_ENGINE is no engine", f"use {OPA_WASM} or {OPA_SERVER}"
        )
    if settings.opa_token_file is None:
        raise InvalidInputError(
            "config-invalid",
            "WRIT_OPA_TOKEN_FILE is not set: an engine that answers anybody is not asked",
            "make one with `writ policy opa-config`",
        )
    return read_endpoint(
        settings.opa_url or DEFAULT_URL, settings.opa_token_file, settings.opa_ca_file
    )


@asynccontextmanager
async def open_engine(
    release: Release, runner: BlockingRunner, settings: EngineSettings
) -> AsyncGenerator[PolicyEngine]:
    """The engine of a gateway, closed in the end.

    A server need not be there yet: it fetches its release from the gateway that asks it.

    Raises:
        InvalidInputError: ``config-invalid`` (:func:`chosen_endpoint`).
        ReleaseError: ``release-wasm``.
    """
    there = chosen_endpoint(settings)
    if there is None:
        embedded = WasmEngine(release, runner, timeout_ms=settings.engine_timeout_ms)
        try:
            yield embedded
        finally:
            embedded.close()
    else:
        server = OpaServerEngine(release, there, timeout_ms=settings.engine_timeout_ms)
        try:
            yield server
        finally:
            await server.close()
