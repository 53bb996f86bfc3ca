"""Benchmarks: each prints a Markdown table of ours beside a rival or a limit, measured in one run, with ratios.

``python -m benchmarks [--data FOLDER] [--only NAME …] [--write]`` runs them; ``--write`` keeps the tables in
docs/benchmarks.md. These machines are shared and noisy: quote ratios, not single times.
"""
