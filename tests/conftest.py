"""Options and fixtures that every test package shares."""

import pytest


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
