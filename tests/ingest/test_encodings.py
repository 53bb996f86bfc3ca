"""Encodings that nobody names are guessed, with a note; those that somebody names win."""

import gzip
import random
from pathlib import Path

import pytest

from tenantry.adapters.duckdb import DuckDBReader
from tenantry.errors import TenantryError
from tenantry.ingest import Reading, encoding_of, read
from tenantry.tenancy import tenant_id

ACME = tenant_id("acme")
CITIES = {
    "cp1252": ["Zoë", "Müller", "São Paulo", "Größe", "Champs-Élysées", "€ 100", "it’s", "Straße"],
    "cp1250": ["Zlín", "Plzeň", "Břeclav", "České Budějovice", "Kroměříž", "Dvořák"],
    "iso8859_2": ["Łódź", "Kraków", "Śląsk", "Częstochowa"],
    "cp1251": ["Москва", "Новосибирск", "Екатеринбург", "мужской"],
    "koi8_r": ["Москва", "Новосибирск", "Екатеринбург", "мужской"],
    "cp866": ["Москва", "Новосибирск", "Екатеринбург", "мужской"],
    "cp1253": ["Αθήνα", "Θεσσαλονίκη", "Ναι"],
    "cp1254": ["Şişli", "Iğdır", "Beyoğlu", "Çankırı"],
    "cp1255": ["תל אביב", "ירושלים"],
    "cp1256": ["القاهرة", "الرياض", "نعم"],
    "cp874": ["กรุงเทพ", "เชียงใหม่"],
    "cp932": ["東京都", "大阪府", "カメラ", "はい", "株式会社日立"],
    "euc_jp": ["東京都", "大阪府", "カメラ", "はい", "株式会社日立"],
    "gb18030": ["北京", "上海", "广州市", "是", "中国移动", "张伟"],
    "big5": ["台北市", "高雄", "是", "中華電信", "陳小明"],
    "cp949": ["서울", "부산", "예", "아니오", "김철수"],
}


def _read(path: Path, data: bytes, **named: str) -> Reading:
    path.write_bytes(data)
    return read(ACME, path, DuckDBReader(), **named)  # type: ignore[arg-type]


def _table(words: list[str], plain: int = 0) -> str:
    rows = [f"{place},Month-to-month" for place in range(plain)]
    return "\n".join(["id,word", *rows, *(f"{place},{word}" for place, word in enumerate(words)), ""])


@pytest.mark.parametrize("encoding", CITIES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_guessed_encoding_gives_the_text_and_a_note(tmp_path: Path, encoding: str, *, packed: bool) -> None:
    words = CITIES[encoding]
    data = _table(words).encode(encoding)
    found = _read(tmp_path / "t.csv", gzip.compress(data) if packed else data)
    assert found.table["word"].to_pylist() == words
    (note,) = found.notes
    assert note.code == "encoding_guessed"
    assert found.encoding in note.text
    assert found.source("t.csv") == f"t.csv (read as {found.encoding}, a guess)"


@pytest.mark.parametrize(
    ("encoding", "word"), [("cp932", "東京都"), ("cp1250", "Dvořák"), ("cp1251", "Москва")]
)
def test_one_odd_cell_beyond_the_head_is_told(tmp_path: Path, encoding: str, word: str) -> None:
    found = _read(tmp_path / "t.csv", _table([word], plain=150_000).encode(encoding))
    assert found.table["word"][150_000].as_py() == word
    assert [note.code for note in found.notes] == ["encoding_guessed"]
    assert repr(word) in found.notes[0].text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("words", [["Zoë", "x"], ["東京都本社営業部" * 8, "大阪"], ["Новосибирск", "Да"]])
def test_wide_encodings_without_a_mark_are_no_guess(tmp_path: Path, encoding: str, words: list[str]) -> None:
    found = _read(tmp_path / "t.csv", _table(words * 40).encode(encoding))
    assert found.table["word"].to_pylist() == words * 40
    assert (found.encoding, found.notes) == (encoding, ())


def test_utf_8_and_ascii_are_no_guess(tmp_path: Path) -> None:
    for word in ("plain", "Zoë", "東京"):
        assert _read(tmp_path / "t.csv", _table([word]).encode()).notes == ()


def test_the_same_file_gives_the_same_guess_whatever_its_size(tmp_path: Path) -> None:
    draw = random.Random(5)
    words = ["".join(draw.choices(CITIES["cp1250"], k=3)) for _ in range(60_000)]
    found = _read(tmp_path / "t.csv", _table(words).encode("cp1250"))
    assert found.encoding == "cp1250"
    assert found.table["word"].to_pylist() == words


@pytest.mark.parametrize("named", ["cp1251", "windows-1251", "CP1251"])
def test_a_named_encoding_wins_and_leaves_no_note(tmp_path: Path, named: str) -> None:
    found = _read(tmp_path / "t.csv", _table(["Müller"]).encode("cp1252"), encoding=named)
    assert found.table["word"].to_pylist() == ["Mьller"]
    assert found.notes == ()


@pytest.mark.parametrize("named", ["utf-8", "utf-8-sig", "utf8"])
def test_a_mark_is_no_part_of_the_text_where_the_encoding_is_named(tmp_path: Path, named: str) -> None:
    found = _read(tmp_path / "t.csv", _table(["Zoë"]).encode("utf-8-sig"), encoding=named)
    assert found.table.column_names == ["id", "word"]
    for name in ("utf-16", "utf-16-le"):
        data = b"\xff\xfe" + _table(["Zoë"]).encode("utf-16-le")
        assert _read(tmp_path / "t.csv", data, encoding=name).table.column_names == ["id", "word"]


@pytest.mark.parametrize("named", ["shift_jis", "utf-8", "ascii", "utf-16"])
def test_a_named_encoding_that_does_not_fit_is_refused_with_the_line(tmp_path: Path, named: str) -> None:
    with pytest.raises(TenantryError) as caught:
        _read(tmp_path / "t.csv", _table(["Å", "Zoë"]).encode("cp1252") + b"\xfd", encoding=named)
    assert caught.value.code == "file_encoding"
    assert "as was said: line" in caught.value.message
    assert caught.value.details["encoding"] == encoding_of(named)


@pytest.mark.parametrize(
    ("named", "near"), [("cp125O", "cp1250"), ("shiftjs", "shiftjis"), ("gb1803", "gb18030"), ("base64", "")]
)
def test_an_unknown_encoding_is_refused_with_the_nearest_names(tmp_path: Path, named: str, near: str) -> None:
    with pytest.raises(TenantryError) as caught:
        _read(tmp_path / "t.csv", b"a,b\n1,2\n", encoding=named)
    assert caught.value.code == "encoding_unknown"
    assert near in caught.value.message
