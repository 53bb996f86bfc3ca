"""The main job on real data: three tenants, three tables, three models, served, explained and kept apart.

Receives: a console and, optionally, a home folder. Hands on: what a newcomer sees. Never knows: any package
of tenantry but the errors; the demo is a client of a running server and uses nothing that a customer could not.
"""

from tenantry.demo.run import run

__all__ = ["run"]
