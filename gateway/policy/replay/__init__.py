"""Deciding a published log again, without the gateway that wrote it."""
