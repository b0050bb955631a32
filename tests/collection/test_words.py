from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.collection.languages import language_code
from imagenet_build.collection.words import SNOWBALL, folded, stem, words_of


@pytest.mark.parametrize(
    ("text", "spaced", "runs"),
    [
        ("L'albero_verde", ("l", "albero", "verde"), ()),
        ("STRASSE Straße", ("strasse", "strasse"), ()),
        ("हिन्दी भाषा", ("हिन्दी", "भाषा"), ()),
        ("ｶﾞｷﾞ・犬", (), ("ガギ", "犬")),
        ("soft\u00adhyphen zero\u200bwidth", ("softhyphen", "zerowidth"), ()),
        ("หมา ไทย123", ("123",), ("หมา", "ไทย")),
        ('*"-() 🐕 ...', (), ()),
    ],
)
def test_text_is_split_by_script(text: str, spaced: tuple[str, ...], runs: tuple[str, ...]) -> None:
    words = words_of(text)
    assert (words.spaced, words.runs) == (spaced, runs)
    assert bool(words) == bool(spaced or runs)


@given(st.text())
def test_case_and_compatibility_forms_never_matter(text: str) -> None:
    assert words_of(folded(text)) == words_of(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_is_split_as_all_text_is(text: str) -> None:
    with_more = words_of(text + " é")
    assert with_more.spaced == (*words_of(text).spaced, "é")


@settings(max_examples=300)
@given(st.text(min_size=1, max_size=12), st.sampled_from([*SNOWBALL, "cmn", "und"]))
def test_no_word_is_too_odd_for_a_stemmer(text: str, language: str) -> None:
    for word in words_of(text).spaced:
        assert stem(word, language)


def test_endings_are_taken_off_where_a_stemmer_knows_them() -> None:
    assert stem("dogs", "eng") == stem("dog", "eng")
    assert stem("perros", "spa") == stem("perro", "spa")
    assert stem("honden", "nld") == stem("hond", "nld")
    assert stem("cani", "ita") == stem("cane", "ita")
    assert stem("dogs", "und") == "dogs"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en_GB.utf8", "eng"),
        ("zh-Hant-TW", "cmn"),
        ("chi", "cmn"),
        ("ca@valencia", "cat"),
        ("dut", "nld"),
        ("FR", "fra"),
        ("x", "und"),
        ("klingon", "und"),
        ("mul", "und"),
        ("12", "und"),
        ("shs", "shs"),
    ],
)
def test_language_tags(tag: str, code: str) -> None:
    assert language_code(tag) == code
