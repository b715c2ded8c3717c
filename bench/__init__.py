"""Measurements against what a user would pick instead; `make bench`, docs/benchmarks.md."""
