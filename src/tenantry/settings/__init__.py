"""What this installation was told from outside.

Receives: environment variables, and what the command line overrides. Hands on: one typed, checked
``Settings``. Never knows: what the values are used for. Nothing else in the product reads ``os.environ``.
"""

from tenantry.settings._settings import ROWS, Row, Settings, load_settings, render_markdown

__all__ = ["ROWS", "Row", "Settings", "load_settings", "render_markdown"]
