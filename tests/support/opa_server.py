"""A real `opa run`, as production has one: token, authorization policy, the release as a bundle."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from gateway.policy.opa_server.answer import BUNDLE_NAME
from gateway.policy.opa_server.bundle import server_bundle
from gateway.policy.opa_server.endpoint import OpaEndpoint, endpoint
from gateway.policy.opa_server.setup import authorization
from gateway.policy.opa_tool import find_opa
from gateway.policy.release import Release
from support.secrets_made import secret

TOKEN: Final = "a-token-of-the-tests-0123456789"
_START_TIMEOUT_S: Final = 60


@dataclass(slots=True)
class OpaProcess:
    """`opa run` with a folder of its own; it keeps its address when it is started again."""

    folder: Path
    url: str
    token: str = TOKEN
    ca_file: Path | None = None
    arguments: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> OpaEndpoint:
        """What ``OpaServerEngine`` is given."""
        return endpoint(self.url, secret(self.token), self.ca_file)

    @property
    def token_file(self) -> Path:
        """What ``WRIT_OPA_TOKEN_FILE`` names."""
        path = self.folder / "token"
        path.write_text(self.token + "\n", encoding="ascii")
        path.chmod(0o600)
        return path

    def start(self, *, healthy: bool = True) -> None:
        """Start it and wait until it answers; ``healthy``: and has its bundle."""
        with (self.folder / "stderr").open("ab") as log:
            self.process = subprocess.Popen(
                [str(find_opa()), *self.arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end_s = time.monotonic() + _START_TIMEOUT_S
        while not self._answers(healthy=healthy):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end_s, f"opa did not get ready: {self.log()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(_START_TIMEOUT_S)
            self.process = None

    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "stderr").read_text(encoding="utf-8")

    def http(self, token: str | None = None) -> httpx2.Client:
        """An HTTP client with the token, over TCP or the socket."""
        there = self.endpoint
        path = str(there.socket) if there.socket else None
        return httpx2.Client(
            transport=httpx2.HTTPTransport(uds=path, verify=self._trust()),
            base_url="http://localhost" if path else self.url,
            headers={"Authorization": f"Bearer {token or self.token}"},
            timeout=10,
            trust_env=False,
        )

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    def _answers(self, *, healthy: bool) -> bool:
        there = self.endpoint.socket
        if there is not None:  # the HTTP client leaves a socket open that could not connect
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(os.fspath(there)):
                    return False
        try:
            with self.http() as http:
                answer = http.get("/health", params={"bundles": "true"} if healthy else None)
        except httpx2.TransportError:
            return False
        return not healthy or answer.status_code == 200


@contextmanager
def running_opa(
    release: Release | None,
    *,
    unix: bool = False,
    bundle: bytes | None = None,
    config: Mapping[str, Any] | None = None,
    authz: str | None = None,
    tls: tuple[Path, Path] | None = None,
    healthy: bool = True,
) -> Iterator[OpaProcess]:
    """A real OPA server that holds a release (``None``: no bundle) and is stopped in the end.

    Args:
        release: what it holds.
        unix: listen on a Unix socket instead of a port of loopback.
        bundle: other bytes to load as its bundle.
        config: its whole configuration, instead of a bundle from a file.
        authz: another authorization policy; empty: authentication and authorization are off.
        tls: certificate and key to answer with; the certificate is its own CA.
        healthy: wait until it has its bundle.
    """
    with tempfile.TemporaryDirectory(prefix="opa-") as name:
        made = opa_in(Path(name), unix=unix, authz=authz)
        if tls is not None:
            made.url, made.ca_file = made.url.replace("http:", "https:"), tls[0]
            made.arguments[1:1] = [f"--tls-cert-file={tls[0]}", f"--tls-private-key-file={tls[1]}"]
        data = server_bundle(release).data if release and bundle is None else bundle
        if data is not None:
            (made.folder / "bundle.tar.gz").write_bytes(data)
        if config is None:
            source = {"resource": (made.folder / "bundle.tar.gz").as_uri()}
            config = {"bundles": {BUNDLE_NAME: source}} if data is not None else {}
        (made.folder / "opa.json").write_text(json.dumps(config), encoding="utf-8")
        try:
            made.start(healthy=healthy and bool(config))
            yield made
        finally:
            made.stop()


def opa_in(folder: Path, *, unix: bool = False, authz: str | None = None) -> OpaProcess:
    """A server that is not started yet; its configuration is to be written to ``opa.json``."""
    address = f"unix://{folder / 'opa.sock'}" if unix else f"127.0.0.1:{free_port()}"
    arguments = ["run", "--server", "--skip-version-check", "--log-level=error"]
    arguments += [f"--addr={address}", "--config-file=opa.json"]
    if authz != "":
        rego = authorization(hashlib.sha256(TOKEN.encode()).hexdigest()) if authz is None else authz
        (folder / "authz.rego").write_text(rego, encoding="utf-8")
        arguments += ["--authentication=token", "--authorization=basic", "authz.rego"]
    return OpaProcess(folder, address if unix else f"http://{address}", arguments=arguments)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(opa: OpaProcess) -> dict[str, str]:
    """The settings of a gateway that decides with this server."""
    return {
        "WRIT_ENGINE": "opa-server",
        "WRIT_OPA_URL": opa.url,
        "WRIT_OPA_TOKEN_FILE": os.fspath(opa.token_file),
    }
