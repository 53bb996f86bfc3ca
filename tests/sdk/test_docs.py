"""The examples of docs/sdk.md run."""

import re
from pathlib import Path

from tests.sdk.tables import telco

PAGE = Path(__file__).parents[2] / "docs" / "sdk.md"


def test_the_examples_run_as_they_are_written(tmp_path, monkeypatch, capsys):
    telco(800).to_csv(tmp_path / "telco_churn.csv", index=False)
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 2
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)  # noqa: S102 - our own page
    assert "Churn" in capsys.readouterr().out
    assert (tmp_path / "churn.tenantry").exists()
