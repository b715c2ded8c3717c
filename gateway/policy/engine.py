"""Choosing the engine: by configuration, at the start; none stands in for another.

Each release that comes into force gets an engine of its own, of the kind that was chosen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from gateway.domain.errors import InvalidInputError
from gateway.policy.catalogue import Catalogue
from gateway.policy.in_force import ReleaseInForce
from gateway.policy.opa_server.bundle import server_bundle
from gateway.policy.opa_server.endpoint import DEFAULT_URL, OpaEndpoint, read_endpoint
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release
from gateway.ports import BlockingRunner, PolicyEngine
from vault.secret import Moment

if TYPE_CHECKING:
    from gateway.policy.opa_server.engine import OpaServerEngine

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


def chosen_endpoint(settings: EngineSettings, now: Moment) -> OpaEndpoint | None:
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
        settings.opa_url or DEFAULT_URL, settings.opa_token_file, now, settings.opa_ca_file
    )


@dataclass(frozen=True, slots=True)
class EngineMaker:
    """Makes the chosen engine, once for each release that comes into force.

    ``endpoint`` is the server of an ``opa-server`` engine, ``None`` for one in this process.
    """

    runner: BlockingRunner
    timeout_ms: int
    endpoint: OpaEndpoint | None

    async def engine(self, release: Release) -> OpenedEngine:
        """The engine for a release, beside whatever else is open.

        A server need not be there yet: it fetches its release from the gateway that asks it.

        Raises:
            ReleaseError: ``release-wasm``.
        """
        if self.endpoint is None:
            return await self.embedded(release)
        from gateway.policy.opa_server.engine import OpaServerEngine  # noqa: PLC0415  see server_of

        server = OpaServerEngine(release, self.endpoint, timeout_ms=self.timeout_ms)
        return OpenedEngine(server, server.close)

    async def embedded(self, release: Release) -> OpenedEngine:
        """The release's module in this process, compiled on a worker thread.

        Raises:
            ReleaseError: ``release-wasm``.
        """

        def load() -> WasmEngine:
            return WasmEngine(release, self.runner, timeout_ms=self.timeout_ms)

        engine = await self.runner.run(load)

        async def close() -> None:
            engine.close()

        return OpenedEngine(engine, close)


@dataclass(frozen=True, slots=True)
class OpenedEngine:
    """An engine, and what ends it."""

    engine: PolicyEngine
    close: Callable[[], Awaitable[None]]


def engine_maker(runner: BlockingRunner, settings: EngineSettings, now: Moment) -> EngineMaker:
    """The maker of the engine that the settings choose.

    Raises:
        InvalidInputError: ``config-invalid`` (:func:`chosen_endpoint`).
    """
    return EngineMaker(runner, settings.engine_timeout_ms, chosen_endpoint(settings, now))


def server_of(engine: PolicyEngine) -> OpaServerEngine | None:
    """The engine, where it asks an OPA server.

    What asks a server brings two HTTP clients, a fifth of a second of every start: it is loaded
    for those who chose it.
    """
    if engine.name != OPA_SERVER:
        return None
    from gateway.policy.opa_server.engine import OpaServerEngine  # noqa: PLC0415  loaded if chosen

    return engine if isinstance(engine, OpaServerEngine) else None


async def assemble(release: Release, catalogue: Catalogue, maker: EngineMaker) -> ReleaseInForce:
    """All that is made of a release, ready to be put into force.

    Raises:
        ReleaseError: ``release-wasm`` or ``release-bundle``.
    """
    bundle = await maker.runner.run(lambda: server_bundle(release))
    opened = await maker.engine(release)
    return ReleaseInForce(release, catalogue, opened.engine, bundle, opened.close)
