"""What an OPA server is started with, so that it decides for one gateway and does nothing else.

It fetches its bundle from the gateway with a key that can read releases only, answers the two
queries of a release to whoever has the token, and refuses everything else.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.domain.errors import InvalidInputError
from gateway.policy.batches import DECISIONS, HALTS
from gateway.policy.opa_server.answer import BUNDLE_NAME
from gateway.policy.opa_server.endpoint import OpaEndpoint

RELEASES: Final = "/v1/policy/releases"
BUNDLE_FILE: Final = "bundle.tar.gz"
CURRENT: Final = "current"
_BUNDLE_MAX_BYTES: Final = 64 * 1024 * 1024
_REQUEST_MAX_BYTES: Final = 2 * 1024 * 1024
_POLL_S: Final = (1, 2)
LONG_POLL_S: Final = 10
"""How long a server waits at the gateway for the next bundle before it asks again."""


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a set-up, and the command line that starts the server with them."""

    config: Path
    authorization: Path
    command: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command as it is typed in a shell."""
        return shlex.join(self.command)


def authorization(token_sha256: str) -> str:
    """The policy that says who may ask what; it holds the token's hash, not the token."""
    allowed = [["v1", "data", *path.split("/")] for path in (DECISIONS, HALTS)]
    return f"""package system.authz

default allow := false

allow if {{
	known
	input.method == "POST"
	input.path in {json.dumps(allowed)}
}}

allow if {{
	known
	input.method == "GET"
	input.path == ["health"]
}}

known if crypto.sha256(input.identity) == "{token_sha256}"
"""


def configuration(gateway_url: str, key_file: Path, state: Path) -> dict[str, Any]:
    """The server's configuration: one bundle from the gateway, kept on disk, nothing logged.

    Raises:
        InvalidInputError: ``opa-config-invalid``: the address is no address, or a value would be
            replaced by OPA, which reads ``${…}`` as a variable.
    """
    parts = urlsplit(gateway_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise InvalidInputError(
            "opa-config-invalid",
            "the gateway's address is not http://HOST:PORT or https://HOST:PORT",
            "give the address that `writ serve` prints",
        )
    document: dict[str, Any] = {
        "services": {
            "writ": {
                "url": gateway_url.rstrip("/"),
                "credentials": {"bearer": {"token_path": os.fspath(key_file)}},
            }
        },
        "bundles": {
            BUNDLE_NAME: {
                "service": "writ",
                "resource": f"{RELEASES}/{CURRENT}/{BUNDLE_FILE}",
                "persist": True,
                "size_limit_bytes": _BUNDLE_MAX_BYTES,
                "polling": {
                    "min_delay_seconds": _POLL_S[0],
                    "max_delay_seconds": _POLL_S[1],
                    "long_polling_timeout_seconds": LONG_POLL_S,
                },
            }
        },
        "persistence_directory": os.fspath(state),
        "server": {"decoding": {"max_length": _REQUEST_MAX_BYTES}},
    }
    if "${" in json.dumps(document):
        raise InvalidInputError(
            "opa-config-invalid",
            "a path or address holds ${, which OPA would replace",
            "choose another path",
        )
    return document


def write_setup(
    folder: Path, *, gateway_url: str, key_file: Path, at: OpaEndpoint, diagnostic: str | None
) -> Written:
    """Write configuration and authorization policy, and say how to start the server.

    Args:
        folder: where to; made if needed, readable by its owner only.
        gateway_url: where the server fetches its bundle.
        key_file: holds an API key of the gateway with the scope ``policy:read``.
        at: where the server shall listen, and the token that it shall ask for.
        diagnostic: ``HOST:PORT`` for health and metrics, behind the same token.

    Raises:
        InvalidInputError: ``opa-config-invalid``.
    """
    document = configuration(gateway_url, key_file.absolute(), (folder / "state").absolute())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config, rego = folder / "opa.json", folder / "authz.rego"
    config.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    token_digest = hashlib.sha256(at.token.reveal().encode()).hexdigest()
    rego.write_text(authorization(token_digest), encoding="utf-8")
    address = f"unix://{at.socket}" if at.socket else f"{at.host}:{at.port}"
    command = ["opa", "run", "--server", f"--addr={address}"]
    if at.socket:
        command.append("--unix-socket-perm=600")
    if diagnostic:
        command.append(f"--diagnostic-addr={diagnostic}")
    command += [
        "--authentication=token",
        "--authorization=basic",
        "--skip-version-check",
        f"--config-file={config.absolute()}",
        os.fspath(rego.absolute()),
    ]
    return Written(config, rego, tuple(command))
