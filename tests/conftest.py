"""What every test shares: the requirement rows, and hypothesis without a clock."""

import os

from hypothesis import HealthCheck, settings

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
