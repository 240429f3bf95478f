"""Measurements against peers; each prints a table: `python -m benchmarks.NAME`."""
