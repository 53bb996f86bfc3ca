"""The three customers of the demo and the tables that the package ships for them (see data/LICENCES.md)."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Case:
    """One customer: who, which table, what to predict, and which of its rows to score (by position).

    ``exclude``: columns that the customer knows to come after the outcome, which no data can show.
    """

    tenant: str
    prediction: str
    file: str
    target: str
    positive_class: str
    about: str
    rows: tuple[int, ...]
    exclude: tuple[str, ...] = ()

    @contextmanager
    def path(self) -> Iterator[Path]:
        """The table as a file."""
        with resources.as_file(resources.files("tenantry.demo") / "data" / self.file) as path:
            yield path

    def records(self) -> list[dict[str, str | None]]:
        """The rows to score, as a product would send them: the columns of the table without the outcome."""
        with self.path() as path, path.open(newline="", encoding="utf-8") as file:
            wanted = {number: row for number, row in enumerate(csv.DictReader(file)) if number in self.rows}
        return [
            {name: text or None for name, text in wanted[number].items() if name != self.target}
            for number in self.rows
        ]


CASES = (
    Case(
        tenant="brightcall",
        prediction="churn",
        file="telco_churn.csv",
        target="Churn",
        positive_class="Yes",
        about="a telephone company: which customers will leave?",
        rows=(0, 1, 22),
    ),
    Case(
        tenant="riobank",
        prediction="deposit",
        file="bank_marketing.csv",
        target="y",
        positive_class="yes",
        about="a bank's campaign: who will open a deposit?",
        rows=(3, 75, 83),
        # How long the call will last is known after the call, when there is nothing left to predict.
        exclude=("duration",),
    ),
    Case(
        tenant="censuslab",
        prediction="income",
        file="adult_income.csv",
        target="class",
        positive_class=">50K",
        about="a census: who earns more than 50,000?",
        rows=(0, 7, 11),
    ),
)
