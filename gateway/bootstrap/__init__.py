"""The one place where parts are chosen and wired; everything that runs starts here."""

from gateway.bootstrap.app import App
from gateway.bootstrap.running import running

__all__ = ["App", "running"]
