"""What every test shares: the requirement rows, and hypothesis without a clock."""

import os

import pytest
from hypothesis import HealthCheck, settings

from support.kept_modules import keep_modules

pytest_plugins = ("requirements_plugin",)

# Machines differ and are shared, so no property may fail for being slow; pytest-timeout is the
# limit. CI draws the same examples each time: a red run there can be had again.
settings.register_profile(
    "writ",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("writ")

# The servers of `opa` collect their garbage less often, as its runs do: a quarter of what they
# cost here, for 200 MB more.
os.environ.setdefault("GOGC", "800")

keep_modules()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, half of it on each of two workers: nobody waits at the end."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    middle = len(rest) // 2
    items[:] = [*slow[::2], *rest[:middle], *slow[1::2], *rest[middle:]]
