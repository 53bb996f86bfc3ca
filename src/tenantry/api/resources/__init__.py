"""The resources of the control API, one noun a module: handlers, and the routes that lead to them."""

from tenantry.api.resources import (
    datasets,
    deployments,
    insights,
    jobs,
    keys,
    models,
    policies,
    predictions,
    rollouts,
    routes,
    schedules,
    server,
    tenants,
)
from tenantry.api.route import Route

__all__ = ["ROUTES"]

ROUTES: tuple[Route, ...] = (
    *server.ROUTES,
    *tenants.ROUTES,
    *keys.ROUTES,
    *datasets.ROUTES,
    *predictions.ROUTES,
    *models.ROUTES,
    *insights.ROUTES,
    *deployments.ROUTES,
    *routes.ROUTES,
    *policies.ROUTES,
    *rollouts.ROUTES,
    *jobs.ROUTES,
    *schedules.ROUTES,
)
"""Every route of the control API. The application, its OpenAPI document and the isolation tests are made
from it."""
