from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.errors import WordNetUnusable
from imagenet_build.taxonomy.omw import Omw, read_lemmas
from imagenet_build.taxonomy.sources import load_omw, omw_files
from imagenet_build.taxonomy.spelling import clean_lemma


def test_lemmas_of_all_projects_of_a_language_come_cleaned(mini, mini_omw):
    assert mini_omw.lemmas("ita", mini.find("violin")) == ("violino", "viola piccola")
    assert mini_omw.lemmas("ita", mini.find("whippet")) == ("whippet", "piccolo levriero inglese")
    assert mini_omw.lemmas("ita", mini.find("goose")) == ()
    assert mini_omw.lemmas("cmn", mini.find("shepherd dog")) == ("牧羊的犬",)
    assert mini_omw.lemmas("cmn", mini.find("bird")) == ()
    assert mini_omw.lemmas("nld", mini.find("violin")) == ("viool",)
    assert mini_omw.lemmas("spa", mini.find("object")) == ()
    assert mini_omw.lemmas("deu", mini.find("dog.n.01")) == ()


def test_verbs_and_definitions_are_not_taken(mini, mini_omw):
    assert mini_omw.lemmas("ita", mini.find("dog.n.01")) == ("cane",)


def test_senses_sharing_a_text_are_counted(mini_omw):
    assert mini_omw.sense_count("ita", "Cane") == 2
    assert mini_omw.sense_count("ita", "violino") == 1
    assert mini_omw.sense_count("ita", "gatto") == 0


def test_only_wanted_languages_are_read(mini_config):
    omw = load_omw(mini_config, ("spa", "eng", "tlh"))
    assert omw.languages == ("spa",)
    assert len(Omw()) == 0


def test_the_project_named_like_its_language_comes_first(mini_config):
    _, files = omw_files(mini_config)
    assert [tab.project for tab in files if tab.language == "ita"] == ["ita", "iwn"]


def test_a_configured_folder_without_wordnets_is_an_error(mini_config, tmp_path):
    with pytest.raises(WordNetUnusable, match="holds no wn-data"):
        load_omw(mini_config.model_copy(update={"omw_dir": tmp_path}), ("ita",))


def test_a_file_that_is_not_text_is_an_error(mini_config, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "wn-data-ita.tab").write_bytes(b"\xff\xff")
    with pytest.raises(WordNetUnusable, match="not UTF-8"):
        load_omw(mini_config.model_copy(update={"omw_dir": tmp_path}), ("ita",))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("[[Japans]]e [[keizer]]", "Japanse keizer"),
        ("([[licht]]) [[middagmaal]]", "middagmaal"),
        ("mousseren (het)", "mousseren"),
        ("handdoek(en)rekje", "handdoekenrekje"),
        ("cartina al (di) tornasole", "cartina al tornasole"),
        ("Ferdinando-Magellano-(1480-1521)", "Ferdinando-Magellano"),
        ("尼散月(即犹太教历1月", "尼散月"),
        ("篮[箱]的量", "篮的量"),
        ("侵占者;", "侵占者"),
        ("狗的一种\ue019", ""),
        ("Georgia O`Keeffe", "Georgia O'Keeffe"),
        ("morse (animal)|fr:morse", "morse"),
        ('maczeta "Bolo"', "maczeta Bolo"),
        ('דו"ח', 'דו"ח'),
        ("gap!", ""),
        ("&", ""),
        (" _ ", ""),
        ("citrus × tangerina", "citrus × tangerina"),
        ("género  Fenusa", "género Fenusa"),
        ("s / n", "s / n"),
    ],
)
def test_markup_is_taken_off(raw, clean):
    assert clean_lemma(raw) == clean


@given(st.text(alphabet="ab é狗的犬_+[]()|!\"'`&; -\ue000\ufffd", max_size=12))
def test_what_is_left_is_a_clean_text_or_nothing(raw):
    text = clean_lemma(raw)
    assert text == " ".join(text.split())
    assert not set(text) & set("_+[]()`\ue000\ufffd")
    assert text == "" or any(character.isalnum() for character in text)
    assert clean_lemma(text) == text


def test_no_lemma_stands_twice_whatever_its_case():
    rows = "00000001-n\tlemma\tCane\n00000001-n\tita:lemma\tcane\n00000001-n\tita:lemma:root\tca\n"
    assert read_lemmas([rows, rows]) == {1: ("Cane",)}


def test_the_real_wordnets(real, real_omw):
    assert real_omw.synset_count("spa") > 26_000
    assert real_omw.synset_count("ita") > 27_000
    shepherd = real.find("n02106662")
    assert "pastore tedesco" in real_omw.lemmas("ita", shepherd)
    assert real_omw.lemmas("cmn", shepherd)
