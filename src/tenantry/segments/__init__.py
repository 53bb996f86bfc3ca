"""Append-only segment files: how a scoring worker hands facts to the control side without a database.

Receives: records of bytes, by kind and worker. Hands on: the same records, once each, from closed segments. Never
knows: what the bytes mean.
"""
