"""One furnished house for the module; tests that change it make their own names."""

from collections.abc import Iterator

import pytest
from tests.api.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("home"))
    yield made
    made.close()
