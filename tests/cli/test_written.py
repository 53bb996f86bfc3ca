"""``--encoding`` and ``--delimiter``, and the warnings where neither was given."""

from pathlib import Path

from tests.cli.conftest import Run


def _customers(path: Path, encoding: str, sign: str = ";") -> Path:
    rows = [
        "město;tarif;odešel",
        *(f"{('Plzeň', 'Kroměříž', 'Dvůr')[row % 3]};{row % 7};{int(row % 7 > 3)}" for row in range(90)),
    ]
    path.write_bytes("\n".join(rows).replace(";", sign).encode(encoding))
    return path


def test_a_guess_is_told_and_a_name_ends_it(tenantry: Run, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home", "--tenant", "acme")
    train = ("--name", "p", "--target", "odešel", "--budget", "2")
    file = _customers(tmp_path / "lidé.csv", "cp1250")
    done = tenantry(*home, "train", file, *train)
    assert done.status == 0, done.err
    assert "warning: lidé.csv is not UTF-8 and was read as cp1250, such as 'Kroměříž'" in done.err
    assert "ingest lidé.csv (read as cp1250, a guess)" in done.err
    done = tenantry(*home, "predict", "p", file)
    assert "was read as cp1250" in done.err
    done = tenantry(*home, "predict", "p", file, "--encoding", "windows-1250", "--delimiter", ";")
    assert (done.status, "warning" in done.err) == (0, False), done.err

    odd = _customers(tmp_path / "odd.csv", "utf-8", "§")
    done = tenantry(*home, "--json", "predict", "p", odd)
    assert done.error["code"] == "record_unknown"
    assert "--delimiter" in done.error["hint"]
    assert tenantry(*home, "predict", "p", odd, "--delimiter", "§").status == 0
    done = tenantry(*home, "--json", "predict", "p", file, "--encoding", "cp125O")
    assert done.error["code"] == "encoding_unknown"
    assert "cp1250" in done.error["error"]


def test_a_target_beside_an_unknown_delimiter_gets_the_right_hint(tenantry: Run, tmp_path: Path) -> None:
    file = _customers(tmp_path / "odd.csv", "utf-8", "§")
    home = ("--home", tmp_path / "home", "--tenant", "acme", "--json")
    done = tenantry(*home, "train", file, "--name", "p", "--target", "odešel")
    assert done.error["code"] == "target_missing"
    assert "--delimiter" in done.error["hint"]
    assert "no delimiter was found" in done.err
