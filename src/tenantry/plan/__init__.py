"""The plan: one file from raw record to calibrated, explained score.

Receives a :class:`~tenantry.plan.ir.PlanSpec` (training) or the bytes of a plan file and raw records (serving). Hands on
plan bytes, scores, attributions and reasons in words. Never knows tenants, HTTP, where a plan file lives, or how a model
was trained.
"""
