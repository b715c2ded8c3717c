"""The embedded engine: OPA's WebAssembly target, in process, through opa-py-wasm.

One engine holds one release: the module is compiled and the data loaded once, when it is made.
A batch is one call. The guest is bounded in time and memory; whatever goes wrong inside it is an
``EngineFailure``, which the caller records as a denial.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Final, NoReturn, cast

from opapywasm import UNDEFINED, OpaWasmPolicy, PolicyConfig, runtime
from opapywasm.errors import OpaPoolTimeoutError, OpaWasmError

from gateway.policy import decode
from gateway.policy.batches import (
    DECISIONS,
    HALTS,
    INPUT_MAX_BYTES,
    RESULT_MAX_BYTES,
    BatchEngine,
)
from gateway.policy.release import FILE_MAX_BYTES, Release, ReleaseError
from gateway.ports import BlockingRunner
from signing import canonical

TIMEOUT_MS: Final = 2_000
"""How long one evaluation may take; a batch of 16 takes a few milliseconds."""

_MEMORY_MAX_PAGES: Final = 8192  # of 64 KiB: 512 MiB for each instance, reached by 32 MiB of data
_INSTANCES: Final = 2  # a turn and a halt query may overlap, nothing else does
_MS: Final = 1000

# The library gives an instance two pages to begin with, and takes a module that declares more,
# which one of about 65 controls does, for a broken one. It has no setting for it.
runtime._DEFAULT_MEMORY_PAGES = 64  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

_log = logging.getLogger(__name__)


class WasmEngine(BatchEngine):
    """A ``PolicyEngine`` in this process.

    Args:
        release: what it decides with, for good.
        runner: where the evaluation runs, off the event loop.
        timeout_ms: bound for one evaluation inside the guest; the wait for a free instance and
            for a thread is bounded by the same time again.

    Raises:
        ReleaseError: ``release-wasm``: the module is damaged, lacks an entry point, or asks the
            host for functions, which could answer differently each time.
    """

    def __init__(
        self, release: Release, runner: BlockingRunner, *, timeout_ms: int = TIMEOUT_MS
    ) -> None:
        """Compile and load; takes about 0.2 s of the calling thread."""
        self._runner = runner
        self._wait_s = 3 * timeout_ms / _MS
        self._version = f"{release.opa_version}+opa-py-wasm.{version('opa-py-wasm')}"
        self._policy = _load(release, timeout_ms)

    @property
    def name(self) -> str:
        """How decisions name this engine."""
        return "opa-wasm"

    @property
    def version(self) -> str:
        """OPA's version that compiled the module, and the version of what runs it."""
        return self._version

    async def readiness(self) -> str | None:
        """Always ready: module and data were loaded when it was made."""
        return None

    def close(self) -> None:
        """Free the instances; whatever is asked afterwards is an ``EngineFailure``."""
        self._policy.close()

    async def _ask(self, entrypoint: str, data: bytes) -> object:
        """One evaluation on a worker thread, bounded; an ``EngineFailure`` or the bare answer."""

        def evaluate() -> object:
            return _evaluate(self._policy, entrypoint, data)

        return await _bounded(self._runner, evaluate, self._wait_s)


async def _bounded(runner: BlockingRunner, work: Callable[[], object], wait_s: float) -> object:
    """The guest's own deadline comes first; this one covers the wait for thread and instance."""
    try:
        async with asyncio.timeout(wait_s):
            return await runner.run(work)
    except TimeoutError:
        return decode.ENGINE_TIMEOUT
    except RuntimeError:
        _log.exception("the worker threads take no more work")
        return decode.ENGINE_ERROR


def _evaluate(policy: OpaWasmPolicy, entrypoint: str, data: bytes) -> object:
    try:
        answer = policy.evaluate(data, entrypoint)
    except OpaPoolTimeoutError:
        _log.error("no free instance of the policy")
        return decode.ENGINE_TIMEOUT
    except OpaWasmError as error:
        _log.exception("the policy could not be evaluated")
        # The library has no kind of its own for its deadline, only this sentence.
        timed_out = "time limit" in str(error)
        return decode.ENGINE_TIMEOUT if timed_out else decode.ENGINE_ERROR
    except Exception:  # noqa: BLE001  whatever breaks inside is a recorded denial (law 3)
        _log.exception("the engine failed outside its own errors")
        return decode.ENGINE_ERROR
    return decode.ENGINE_UNDEFINED if answer is UNDEFINED else cast("object", answer)


def _load(release: Release, timeout_ms: int) -> OpaWasmPolicy:
    if canonical.digest(release.wasm) != release.wasm_digest:
        _refuse("the module is not the one that the descriptor names")
    config = PolicyConfig(
        pool_size=_INSTANCES,
        borrow_timeout_seconds=timeout_ms / _MS,
        max_input_bytes=INPUT_MAX_BYTES,
        max_data_bytes=FILE_MAX_BYTES,
        max_result_bytes=RESULT_MAX_BYTES,
        max_memory_pages=_MEMORY_MAX_PAGES,
        eval_timeout_seconds=timeout_ms / _MS,
        parse_raw_json_input=False,  # each document was read by batch_of
    )
    try:
        policy = OpaWasmPolicy.from_wasm_bytes(release.wasm, config)
        policy.set_data(release.data)
    except OpaWasmError as error:
        _refuse(f"the module cannot be loaded: {error}")
    if policy.builtins or not {DECISIONS, HALTS} <= set(policy.entrypoints):
        policy.close()
        _refuse("the module lacks an entry point or asks the host for functions")
    # An instance reads the release's data when it is first used, a second's work for 10^5
    # instruments. The pool hands its instances out in turn, so these calls reach each of them.
    for _ in range(_INSTANCES):
        _evaluate(policy, HALTS, b"{}")
    return policy


def _refuse(detail: str) -> NoReturn:
    raise ReleaseError(
        "release-wasm", detail, "fetch the release again, or build it anew: `writ policy build`"
    )
