"""Words in any script: the rules, and that the kernel follows them."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.plan import kernel, parse
from tenantry.plan.scripts import CASED, LOWER, SEPARATORS, UNSPACED

ROOT = Path(__file__).parent.parent.parent
TEXTS = [
    ("ÄRGER über Öl", ["ärger", "über", "ärger über", "öl", "über öl"]),
    ("ΚΑΛΟΣ καλός ΠΑΟΣ", ["καλοσ", "καλόσ", "καλοσ καλόσ", "παοσ", "καλόσ παοσ"]),
    ("Плохой товар", ["плохой", "товар", "плохой товар"]),
    ("“Don’t stop”—good…", ["don", "stop", "don stop", "good", "stop good"]),
    ("東京都に行く。良い", ["東京", "京都", "都に", "に行", "行く", "良い"]),
    ("猫", ["猫"]),
    ("good 猫好き dog", ["good", "猫好", "好き", "dog"]),
    ("iPhone買った", ["iphone", "買っ", "った"]),
    ("ดีมาก", ["ดี", "ีม", "มา", "าก"]),
    ("좋은 제품", ["좋은", "제품", "좋은 제품"]),
    ("ＡＢＣ！ｘｙ", ["ａｂｃ", "ｘｙ", "ａｂｃ ｘｙ"]),
    ("İstanbul I", ["İstanbul"]),
    ("a b", []),
    ("x" * 65 + " ok", ["ok"]),
    ("é" * 32 + " " + "é" * 33, ["é" * 32]),
    ("Ⱥb", ["ⱥb"]),
    ("می\u200cروم ،خوب", ["می\u200cروم", "خوب", "می\u200cروم خوب"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "features"), TEXTS)
def test_a_text_in_any_script(text, features):
    assert parse.tokens(text, scripts=True) == features
    assert kernel.tokens(text, True) == features


def test_without_the_flag_texts_read_as_version_1_read_them():
    assert (
        kernel.tokens("ÄRGER 東京都") == parse.tokens("ÄRGER 東京都") == ["Ärger", "東京都", "Ärger 東京都"]
    )


def test_every_character_is_read_alike():
    for first in range(0, 0x33000, 64):
        text = " ".join(f"q{chr(c)}" for c in range(first, first + 64) if not 0xD800 <= c < 0xE000)
        assert kernel.tokens(text, True) == parse.tokens(text, scripts=True), hex(first)


@given(st.text(alphabet=st.sampled_from("aB 1é É.ΣςЖ東京に。ดี’猫ｶＡ\U00020000😀\u200d좋"), max_size=40))
def test_any_mix_is_read_alike(text):
    assert kernel.tokens(text, True) == parse.tokens(text, scripts=True)
    known = tuple(dict.fromkeys(parse.tokens(text, scripts=True)))[:5]
    idf = np.ones(len(known), np.float32)
    ours, theirs = (m.text_matrix([text], known, idf, scripts=True) for m in (kernel, parse))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_reads_alike_with_the_flag_and_without(text):
    assert kernel.tokens(text, True) == kernel.tokens(text)


def test_the_tables_are_sorted_and_their_letters_have_a_case():
    for ranges in (SEPARATORS, UNSPACED, CASED):
        assert all(first <= last for first, last in ranges)
        assert all(ranges[i][1] < ranges[i + 1][0] for i in range(len(ranges) - 1))
    assert all(unicodedata.category(chr(c)) in ("Lu", "Lt", "Ll") for c in LOWER)
    assert not any(LOWER.get(small) for small in LOWER.values())


def test_the_kernels_tables_are_up_to_date():
    run = subprocess.run([sys.executable, "tools/gen_scripts.py", "--check"], cwd=ROOT, check=False)
    assert run.returncode == 0
