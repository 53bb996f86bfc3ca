"""Options and fixtures that every test package shares."""

import os
from collections.abc import Iterator

import pytest
import structlog

# gRPC's own handlers around a fork may hang the child of a process that has used it; ours execute a program at once.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


@pytest.fixture(autouse=True)
def _log_as_at_the_start() -> Iterator[None]:
    """Whatever set logging up in this process, a test begins with structlog's defaults."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak",
        choices=["sample", "full"],
        default="sample",
        help="how long the soak tests run: the bounded sample of CI, or all of it",
    )


@pytest.fixture
def soak_full(request: pytest.FixtureRequest) -> bool:
    """Whether a soak test runs at full length (``make soak``) or as CI's bounded sample."""
    return bool(request.config.getoption("--soak") == "full")
