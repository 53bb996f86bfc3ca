"""What a category looks up of a word: domains and prefixes, read by the kernel and by its reference."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.plan.test_views import plan_of, words

from tenantry.errors import Corrupt
from tenantry.plan import Plan, compile_plan, layout
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import WordPart
from tenantry.plan.parse import category_word
from tenantry.plan.parts import word_part
from tenantry.plan.twin import Twin

DOMAINS: list[tuple[WordPart, str, str | None]] = [
    ("email_domain", "jo@example.org", "example.org"),
    ("email_domain", "Jo Doe <Jo@Mail.EXAMPLE.org>", "mail.example.org"),
    ("email_domain", '"a@b"@example.org.', "example.org"),
    ("email_domain", "jo@exämple.org", "exämple.org"),
    ("email_domain", "jo", None),
    ("email_domain", "jo@", None),
    ("email_domain", "jo@ example.org", None),
    ("email_domain", f"jo@{'x' * 255}", "x" * 255),
    ("email_domain", f"jo@{'x' * 256}", None),
    ("url_domain", "https://www.Example.org/path?q=http://other.org", "example.org"),
    ("url_domain", "example.org/a@b", "example.org"),
    ("url_domain", "//example.org:8080", "example.org"),
    ("url_domain", "ftp://jo:secret@example.org:21/", "example.org"),
    ("url_domain", "http://[2001:DB8::1]:80/", "[2001:db8::1]"),
    ("url_domain", "http://[2001", "[2001"),
    ("url_domain", "www.", None),
    ("url_domain", "www.example.org.", "example.org"),
    ("url_domain", "WWW.example.org#top", "example.org"),
    ("url_domain", "http:///path", None),
    ("url_domain", "://example.org", None),
    ("url_domain", "example.org see there", "example.org"),
]
PREFIXES: list[tuple[str, int, str | None]] = [
    ("SW1A 1AA", 2, "SW"),
    ("SW1A 1AA", 5, "SW1A"),
    ("SW", 4, "SW"),
    ("東京", 3, "東"),
    ("東京", 5, "東"),
    ("東京", 2, None),
    ("12345", 255, "12345"),
]


def looked_up(value: Any, part: WordPart, prefix_bytes: int, word: str | None) -> tuple[float, float]:
    """The row that a plan finds for a value, by both readers: 0 for ``word``, 1 missing, 2 unseen."""
    column = words("c", {word or "never": 1.0}, 0, part=part, prefix_bytes=prefix_bytes)
    data = compile_plan(plan_of(column, slots=1))
    kernel = np.frombuffer(Plan.from_bytes(data).encode({"c": value}), np.float32)[0]
    return float(kernel), float(Twin(data).encode_rows([{"c": value}])[0, 0])


@pytest.mark.parametrize(("part", "value", "domain"), DOMAINS)
def test_domains_are_taken_out_of_addresses(part: WordPart, value: str, domain: str | None) -> None:
    assert word_part(value, part) == domain
    assert looked_up(value, part, 0, domain) == ((0, 0) if domain else (1, 1))


@pytest.mark.parametrize(("value", "size", "prefix"), PREFIXES)
def test_prefixes_cut_no_character(value: str, size: int, prefix: str | None) -> None:
    assert word_part(value, "prefix", size) == prefix
    assert looked_up(value, "prefix", size, prefix) == ((0, 0) if prefix else (1, 1))


def test_a_number_has_a_prefix_too() -> None:
    assert looked_up(12345.0, "prefix", 2, "12") == (0, 0)


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8"), max_size=30) | st.text("aW.w:/@[]>?#\\ é", max_size=30),
    part=st.sampled_from(get_args(WordPart)),
    size=st.integers(1, 8),
)
@example(text="w" * 300, part="url_domain", size=1)
def test_the_kernel_takes_what_the_reference_takes(text: str, part: WordPart, size: int) -> None:
    size = size if part == "prefix" else 0
    found = word_part(category_word(text), part, size)
    assert looked_up(text, part, size, found) == ((0, 0) if found else (1, 1))


@pytest.mark.parametrize(
    ("part", "size"), [("word", 0), ("email_domain", 0), ("url_domain", 0), ("prefix", 3)]
)
def test_the_part_comes_back_out_of_the_file(part: WordPart, size: int) -> None:
    spec = plan_of(words("c", {"a": 1.0}, 0, part=part, prefix_bytes=size), slots=1)
    [column] = spec_of(compile_plan(spec)).columns
    assert (column.part, column.prefix_bytes) == (part, size)  # type: ignore[union-attr]


@pytest.mark.parametrize("format_", [4, 3, 256, 3 + 256 * 256, 0xFFFFFFFF])
def test_an_unknown_part_is_refused(format_: int) -> None:
    data = bytearray(compile_plan(plan_of(words("c", {"a": 1.0}, 0), slots=1)))
    start = int(np.frombuffer(data, layout.HEADER, 1)[0]["section"][layout.Section.COLUMNS]["offset"]) + 12
    data[start : start + 4] = format_.to_bytes(4, "little")
    with pytest.raises(Corrupt):
        Plan(bytes(data), verify=False)


def test_a_word_is_unseen_by_its_part() -> None:
    plan = Plan.from_bytes(compile_plan(plan_of(words("c", {"b.org": 1.0}, 0, part="email_domain"), slots=1)))
    assert [plan.unseen(0, word) for word in ("a@b.org", "a@c.org", "a")] == [False, True, False]
