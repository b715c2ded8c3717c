"""The channels' fixture, for every test of alerts."""

from support.alert_channels import peer

__all__ = ["peer"]
