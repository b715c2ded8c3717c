"""The Rego policies, their schemas and the shipped release, as package data."""
