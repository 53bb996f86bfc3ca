"""Rival servers' own applications. They run in environments of their own (see benchmarks/rivals.py)."""
