"""Load as a feature: drive a scoring API as its callers would, and say whether it keeps its objective (B17, C12).

Receives: a URL, keys, a traffic shape or a recorded log. Hands on: a report of latency, throughput and errors with
a verdict. Never knows: anything of the server but its public API.
"""
