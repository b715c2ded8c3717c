"""``broker.yaml``: what an operator allows at most, read strictly.

The file is a ceiling. Its ``risk`` numbers are caps: each tightens a signed limit and none loosens
one. Whatever else it says is held against the settings that stand, and a gateway that would do
more than the file allows does not start. Two ways of writing it are known, and may be mixed:
``execution``, ``accounts``, ``brokers`` and ``risk``, or ``broker``, ``risk`` and ``compliance``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.bootstrap.broker_words import SHAPES, Shape
from gateway.config import Settings
from gateway.domain.errors import InvalidInputError, RefusedError
from gateway.domain.mode import Mode
from gateway.policy.yaml_tables import Table, Text, YamlTableError, read_tables
from signing.units import UnitError, read_value

FILE_MAX_BYTES: Final = 64 * 1024
_DEPTH_MAX: Final = 4

_CAPS: Final = {
    "max_notional_exposure_usd": ("gross_exposure_max_micros", "micros"),
    "max_position_notional_per_symbol_usd": ("position_notional_max_micros", "micros"),
    "max_daily_turnover_usd": ("day_turnover_max_micros", "micros"),
    "max_order_notional_usd": ("order_notional_max_micros", "micros"),
    "max_notional": ("position_notional_max_micros", "micros"),
    "max_positions": ("positions_max_count", "count"),
    "max_leverage": ("leverage_max_bps", "bps"),
}
"""Key of ``risk`` -> the limit that it caps, and that limit's unit."""
_BLOCKS: Final = {
    "block_short_selling": "short_notional_max_micros",
    "block_margin": "margin_debit_max_micros",
}
"""Key of ``risk`` -> the limit that it brings to zero."""
_ZERO_ONLY: Final = {
    "max_daily_loss": "day_loss_max",
    "max_sector_exposure": "sector_exposure_max",
}
"""Key of ``risk`` that can only forbid all trading -> the signed limit that takes its place."""
_USD: Final = "_usd"
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_CEILINGS: Final = {
    "RESEARCH": Mode.RESEARCH,
    "disabled": Mode.RESEARCH,
    "PAPER": Mode.PAPER,
    "paper": Mode.PAPER,
    "LIVE": Mode.LIVE,
    "live": Mode.LIVE,
}
"""What a mode's name allows at most."""


@dataclass(frozen=True, slots=True)
class BrokerFile:
    """A ``broker.yaml`` as read: it is well formed, and asks for nothing that cannot be.

    ``caps`` are by the name of the limit that each tightens, in that limit's unit. ``accounts``
    are every alias that it names. ``unacted`` are the parts that are read and not acted on.
    """

    path: Path
    caps: Mapping[str, int]
    in_usd: bool
    mode_max: Mode
    accounts: frozenset[str]
    unacted: tuple[str, ...]

    def check(self, settings: Settings, base_currency: str) -> None:
        """Hold it against the settings and the release that stand.

        Raises:
            RefusedError: ``broker-file-contradiction``: they would do more than it allows.
        """
        if settings.mode.exceeds(self.mode_max):
            raise self._contradiction(
                f"it allows {self.mode_max} at most, and the mode is {settings.mode}",
                f"start with WRIT_MODE={self.mode_max}, or allow more in the file",
            )
        for alias in sorted(self.accounts):
            if alias not in settings.accounts:
                raise self._contradiction(
                    f"it names the account {alias!r}, which this gateway does not serve",
                    "name one of WRIT_ACCOUNTS, or add the account there",
                )
        if self.in_usd and base_currency != "USD":
            raise self._contradiction(
                f"its amounts are in USD, and the release counts in {base_currency}",
                "cap in the release's currency: sign limits of your own",
            )

    def _contradiction(self, detail: str, remedy: str) -> RefusedError:
        return RefusedError("broker-file-contradiction", f"{self.path}: {detail}", remedy)


NO_FILE: Final = BrokerFile(
    path=Path(),
    caps=MappingProxyType({}),
    in_usd=False,
    mode_max=Mode.LIVE,
    accounts=frozenset(),
    unacted=(),
)
"""What holds where the settings name no file: the signed limits alone."""


def load_broker_file(path: Path) -> BrokerFile:
    """Read a ``broker.yaml``.

    Raises:
        InvalidInputError: ``broker-file-invalid``: it cannot be read, is no such file, has an
            unknown or repeated key, or a value that is out of bounds or would loosen something.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(
            "broker-file-invalid", f"{path}: {error.strerror}", "name a file that can be read"
        ) from error
    if len(data) > FILE_MAX_BYTES:
        raise InvalidInputError(
            "broker-file-invalid", f"{path} is larger than {FILE_MAX_BYTES} bytes", "shorten it"
        )
    try:
        return _Reader(path).read(read_tables(data, _DEPTH_MAX))
    except YamlTableError as error:
        raise InvalidInputError(
            "broker-file-invalid", f"{path}:{error.line}: {error.message}", error.remedy
        ) from error


def operator_file(settings: Settings, base_currency: str) -> BrokerFile:
    """The file that the settings name, held against them; without one, nothing is capped.

    Raises:
        InvalidInputError: as :func:`load_broker_file`.
        RefusedError: as :meth:`BrokerFile.check`.
    """
    if settings.broker_file is None:
        return NO_FILE
    found = load_broker_file(settings.broker_file)
    found.check(settings, base_currency)
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file; its messages name the file, the line and the path of the key."""

    path: Path

    def read(self, root: Table) -> BrokerFile:
        found = dict(self._leaves(root, SHAPES, ""))
        risk = {key[5:]: text for key, text in found.items() if key.startswith("risk.")}
        entries = _tables(root, "accounts")
        accounts = set(entries)
        default = found.get("execution.default_account")
        if default is not None:
            if accounts and default.text not in accounts:
                raise self._wrong(
                    "execution.default_account", default.line, "is not one of accounts", "add it"
                )
            accounts.add(default.text)
        return BrokerFile(
            path=self.path,
            caps=MappingProxyType(self._caps(risk)),
            in_usd=any(key.endswith(_USD) for key in risk),
            mode_max=self._mode_max(found, entries),
            accounts=frozenset(accounts),
            unacted=tuple(part for part in ("accounts", "brokers") if part in root.values),
        )

    def _leaves(self, table: Table, shape: Shape, prefix: str) -> list[tuple[str, Text]]:
        """Every scalar by the path of its key, each one of those that the shape knows."""
        leaves: list[tuple[str, Text]] = []
        for key, value in table.values.items():
            path, line = f"{prefix}{key}", table.lines[key]
            rule = shape.get(key, shape.get("*"))
            if rule is None or ("*" in shape and _NAME.fullmatch(key) is None):
                known = ", ".join(sorted(shape)).replace("*", "a name of 1 to 32 letters, digits")
                raise self._wrong(path, line, "is not known", f"remove it; known: {known}")
            if isinstance(value, Table):
                if not isinstance(rule, Mapping):
                    raise self._wrong(path, line, "is a table", "write one value")
                leaves += self._leaves(value, rule, path + ".")
            elif isinstance(rule, Mapping):
                raise self._wrong(path, line, "is not a table", "write `name: value` lines")
            else:
                if rule.pattern.fullmatch(value.text) is None:
                    raise self._wrong(path, line, rule.expected, rule.remedy)
                leaves.append((path, value))
        return leaves

    def _caps(self, risk: Mapping[str, Text]) -> dict[str, int]:
        caps: dict[str, int] = {}
        for key, value in risk.items():
            if key in _CAPS:
                name, unit = _CAPS[key]
                amount = self._number(key, value, unit)
                caps[name] = min(amount, caps.get(name, amount))
            elif key in _BLOCKS and value.text == "true":
                caps[_BLOCKS[key]] = 0
            elif key in _ZERO_ONLY:
                if self._number(key, value, "count"):
                    raise self._wrong(
                        f"risk.{key}",
                        value.line,
                        "caps nothing here but all trading, as 0",
                        f"write 0, or sign {_ZERO_ONLY[key]} in limits.yaml and leave it out",
                    )
                caps["order_notional_max_micros"] = 0
        return caps

    def _number(self, key: str, value: Text, unit: str) -> int:
        """A plain decimal in the unit that its key has by itself, exactly."""
        said = {"micros": " USD", "bps": " x", "count": ""}[unit]
        try:
            return read_value(value.text + said, unit, "USD")
        except UnitError as error:
            message = error.message.replace(value.text + said, value.text)
            remedy = "write a plain number of zero or more, such as 3000 or 2.5"
            raise self._wrong(f"risk.{key}", value.line, f": {message}", remedy) from error

    @staticmethod
    def _mode_max(found: Mapping[str, Text], accounts: Mapping[str, Table]) -> Mode:
        """What the file allows at most; where it says nothing, the settings decide."""
        said = [found.get("execution.mode"), found.get("broker.mode")]
        said += [_text(entry, "mode") for entry in accounts.values()]
        ceilings = [_CEILINGS[mode.text] for mode in said if mode is not None]
        enabled = found.get("broker.execution_enabled")
        if enabled is not None and enabled.text == "false":
            ceilings.append(Mode.RESEARCH)
        if _says_paper(found):
            ceilings.append(Mode.PAPER)
        return min(ceilings, key=list(Mode).index, default=Mode.LIVE)

    def _wrong(self, path: str, line: int, problem: str, remedy: str) -> InvalidInputError:
        detail = f"{self.path}:{line}: {ascii(path)[1:-1]} {problem}".replace(" : ", ": ")
        return InvalidInputError("broker-file-invalid", detail, remedy)


def _says_paper(found: Mapping[str, Text]) -> bool:
    """Whether some other key keeps to paper: paper is the route unless all say otherwise."""
    mode, route = found.get("broker.mode"), found.get("broker.default_route")
    live = mode is not None and mode.text == "live"
    paper = route.text == "paper" if route is not None else live
    shut = any(
        key.startswith("brokers.") and key.endswith(".live.enabled") and value.text == "false"
        for key, value in found.items()
    )
    return paper or shut


def _tables(root: Table, key: str) -> dict[str, Table]:
    """The tables below a key of the root, by name."""
    entry = root.values.get(key)
    if not isinstance(entry, Table):
        return {}
    return {name: value for name, value in entry.values.items() if isinstance(value, Table)}


def _text(table: Table, key: str) -> Text | None:
    value = table.values.get(key)
    return value if isinstance(value, Text) else None
