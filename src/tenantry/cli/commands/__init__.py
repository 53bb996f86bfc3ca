"""The commands, one noun or verb a module. Each module adds its own to the application."""

from cyclopts import App

from tenantry.cli.commands import (
    apply,
    canary,
    demo,
    deployed,
    insights,
    jobs,
    keys,
    load,
    models,
    policies,
    predict,
    routes,
    schedules,
    scorecard,
    tenants,
    train,
    up,
)

__all__ = ["register"]


def register(app: App) -> None:
    """Add every command, in the order of the help."""
    for module in (
        up,
        demo,
        tenants,
        keys,
        train,
        apply,
        predict,
        scorecard,
        models,
        insights,
        deployed,
        routes,
        canary,
        policies,
        jobs,
        schedules,
        load,
    ):
        module.register(app)
