"""What was predicted: the inference log (A17).

Receives: segments that scoring workers wrote. Hands on: columnar files per tenant, and their records. Never knows:
how a score came about, or who asks for the log.
"""
