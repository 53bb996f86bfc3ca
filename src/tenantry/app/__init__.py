"""Composition roots: one module per process, and the only place that joins ports to adapters.

Receives: settings. Hands on: running processes. Never knows: rules of the business; each root only wires and runs.
Import the root that is wanted (``app.serve``, ``app.work``, ``app.web``, ``app.services``): this package itself stays
empty, since the scoring process must not load what the others need.
"""
