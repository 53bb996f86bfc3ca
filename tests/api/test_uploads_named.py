"""Uploads whose encoding or delimiter is guessed, or named in the query."""

import pytest
from tests.api.house import COIL, House

from tenantry.access import Role

PATH = "/api/v1/datasets/people"
CZECH = "jméno;město\nJiří;Plzeň\nŽofie;České Budějovice\n".encode("cp1250")


def test_a_guessed_encoding_is_told_in_the_reply_and_in_the_source(house: House) -> None:
    key = house.keys[COIL, Role.BUILDER]
    reply = house.ask("POST", f"{PATH}?filename=lidé.csv", key, content=CZECH).json()
    assert [column["name"] for column in reply["columns"]] == ["jméno", "město"]
    assert [note["code"] for note in reply["notes"]] == ["encoding_guessed"]
    assert "cp1250" in reply["notes"][0]["text"]
    assert reply["source"] == "lidé.csv (read as cp1250, a guess)"
    assert house.ask("GET", PATH, key).json()["items"][0]["source"] == reply["source"]


def test_what_the_query_names_wins(house: House) -> None:
    key = house.keys[COIL, Role.BUILDER]
    query = {"encoding": "windows-1251", "delimiter": "semicolon"}
    reply = house.ask("POST", PATH, key, params=query, content="имя;x\nЯ;1\n".encode("cp1251")).json()
    assert [column["name"] for column in reply["columns"]] == ["имя", "x"]
    assert reply["notes"] == []
    lone = house.ask("POST", PATH, key, params={"delimiter": "|"}, content=b"a;b\n1;2\n").json()
    assert [note["code"] for note in lone["notes"]] == ["delimiter_missing"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"encoding": "cp125O"}, 400, "encoding_unknown"),
        ({"encoding": "utf-8"}, 422, "file_encoding"),
        ({"delimiter": "ab"}, 400, "delimiter_invalid"),
    ],
)
def test_what_cannot_be_is_refused(house: House, query: dict[str, str], status: int, code: str) -> None:
    reply = house.ask("POST", PATH, house.keys[COIL, Role.BUILDER], params=query, content=CZECH)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.json()["hint"]
