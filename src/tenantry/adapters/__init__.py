"""Everything that touches a third-party system: one folder a technology, each implementing ports and nothing
else.

Receives: settings and plain values. Hands on: implementations of ports. Never knows: who calls them; only
``app`` does.
"""
