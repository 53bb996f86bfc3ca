"""Codes of the serving area: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {}
