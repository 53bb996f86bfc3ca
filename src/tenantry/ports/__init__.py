"""What several packages need from the outside world, as protocols: blobs, jobs, clock.

Receives and hands on: plain values of ``tenancy`` and ``schema``. Never knows: which technology stands behind a port
(``adapters``). A port that has one caller lives with that caller, in its ``ports.py``.
"""
