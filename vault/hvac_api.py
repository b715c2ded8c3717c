"""The parts of hvac that Writ uses, one by one; hvac's client would look into the environment.

hvac declares few types, so what these return is checked by whoever reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hvac.api.auth_methods.approle import AppRole
from hvac.api.auth_methods.kubernetes import Kubernetes
from hvac.api.auth_methods.token import Token
from hvac.api.secrets_engines.kv_v2 import KvV2
from hvac.api.secrets_engines.transit import Transit
from hvac.api.system_backend.health import Health
from hvac.api.system_backend.wrapping import Wrapping

from vault.transport import BoundedAdapter

Api = Callable[[BoundedAdapter], Any]

app_role: Final[Api] = AppRole
health: Final[Api] = Health
kubernetes: Final[Api] = Kubernetes
kv: Final[Api] = KvV2
token: Final[Api] = Token
transit: Final[Api] = Transit
wrapping: Final[Api] = Wrapping
