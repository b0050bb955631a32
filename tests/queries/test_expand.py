from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.config.models import QueriesConfig, TaxonomyConfig
from imagenet_build.queries.expand import MAX_LABELS, Expander
from imagenet_build.records import Origin, Query, Synset
from imagenet_build.taxonomy.concepts import ConceptRow, Concepts
from imagenet_build.taxonomy.omw import Omw, read_lemmas
from imagenet_build.taxonomy.select import describe, select
from imagenet_build.taxonomy.spelling import text_key
from tests.taxonomy.test_select import TWELVE

ALL = QueriesConfig(languages=("cmn", "spa", "nld", "ita"), parent_words=True)


def queries_of(wordnet, omw, name: str, config: QueriesConfig = ALL) -> list[Query]:
    offset = wordnet.find(name)
    return Expander(wordnet, omw, config).expand(describe(wordnet, offset, root=offset, living=()))


def texts(queries: list[Query], language: str = "eng") -> list[str]:
    return [query.text for query in queries if query.language == language]


def test_the_papers_example(mini, mini_omw):
    assert texts(queries_of(mini, mini_omw, "whippet")) == ["whippet", "whippet dog", "whippet greyhound"]


def test_examples_do_not_count_as_gloss(mini, mini_omw):
    assert "hound" in mini.examples(mini.find("whippet"))[0]
    assert "whippet hound" not in texts(queries_of(mini, mini_omw, "whippet"))


def test_inflections_count_and_contained_words_are_not_appended(mini, mini_omw):
    assert texts(queries_of(mini, mini_omw, "german shepherd")) == [
        "German shepherd",
        "German shepherd dog",
        "alsatian",
        "German shepherd shepherd dog",
        "alsatian shepherd dog",
        "alsatian dog",
    ]


def test_a_word_within_a_hyphenated_synonym_is_contained(mini, mini_omw):
    # "lapdog" is one word, so it holds no word dog
    assert texts(queries_of(mini, mini_omw, "lap-dog")) == ["lap-dog", "lapdog", "lapdog dog"]


def test_words_of_several_parts_and_their_order_of_mention(mini, mini_omw):
    assert texts(queries_of(mini, mini_omw, "cello")) == [
        "cello",
        "violoncello",
        "cello stringed instrument",
        "cello instrument",
        "violoncello stringed instrument",
        "violoncello instrument",
    ]


def test_words_of_both_parents_at_any_height(mini, mini_omw):
    assert texts(queries_of(mini, mini_omw, "dog.n.01"))[3:] == [
        "dog canine",
        "domestic dog canine",
        "Canis familiaris canine",
    ]


def test_translations_and_translated_parent_words(mini, mini_omw):
    found = queries_of(mini, mini_omw, "whippet")
    assert texts(found, "ita") == [
        "whippet",
        "piccolo levriero inglese",
        "whippet cane",
        "whippet levriero",
        "piccolo levriero inglese cane",
    ]
    assert texts(found, "cmn") == ["小灵狗", "小灵狗 犬", "小灵狗 灰狗"]  # 小灵狗 holds 狗
    assert texts(found, "spa") == texts(found, "nld") == []
    assert [query.origin for query in found if query.language == "cmn"] == [
        Origin.TRANSLATION,
        Origin.TRANSLATED_PARENT_WORD,
        Origin.TRANSLATED_PARENT_WORD,
    ]


def test_order_and_positions(mini, mini_omw):
    config = QueriesConfig(languages=("ita", "eng", "cmn", "ita"), parent_words=True)
    found = queries_of(mini, mini_omw, "whippet", config)
    assert [query.position for query in found] == list(range(len(found)))
    assert list(dict.fromkeys(query.language for query in found)) == ["eng", "ita", "cmn"]


def test_parent_words_can_be_switched_off(mini, mini_omw):
    found = queries_of(mini, mini_omw, "whippet", ALL.model_copy(update={"parent_words": False}))
    assert {query.origin for query in found} == {Origin.SYNONYM, Origin.TRANSLATION}
    assert len(found) == 4


def test_without_omw_queries_are_english(mini):
    assert {query.language for query in queries_of(mini, Omw(), "whippet")} == {"eng"}


CONCEPT_ROWS = [
    ConceptRow("", "Q38726", "zxx", ""),
    ConceptRow("", "Q38726", "eng", "Whippet"),
    ConceptRow("", "Q38726", "eng", "English Whippet"),
    ConceptRow("", "Q38726", "eng", "German shepherd"),  # another synset's word
    ConceptRow("", "Q38726", "eng", "🐕"),
    ConceptRow("", "Q38726", "deu", "Windhund"),  # not configured
    ConceptRow("", "Q38726", "spa", "whippet"),
    ConceptRow("", "Q38726", "ita", "piccolo levriero inglese"),
]


def with_concepts(wordnet, rows, expand="paper") -> list[tuple[str, str, Origin]]:
    """What concepts add to the queries of whippet; the rest stays as it was."""
    offset = wordnet.find("whippet")
    synset = describe(wordnet, offset, root=offset, living=())
    config = ALL.model_copy(update={"expand": expand})
    concepts = Concepts(row._replace(wnid=synset.wnid) for row in rows)
    omw = Omw({"ita": {offset: ("piccolo levriero inglese",)}})
    before = Expander(wordnet, omw, config).expand(synset)
    after = Expander(wordnet, omw, config, concepts).expand(synset)
    assert after[: len(before)] == before
    assert [query.position for query in after] == list(range(len(after)))
    assert_clean(after)
    return [(query.language, query.text, query.origin) for query in after[len(before) :]]


@pytest.mark.parametrize("expand", ["paper", "wide"])
def test_concepts_add_their_id_and_names_that_are_new_in_a_language(mini, expand):
    assert with_concepts(mini, CONCEPT_ROWS, expand) == [
        ("zxx", "Q38726", Origin.CONCEPT),
        ("eng", "English Whippet", Origin.LABEL),
        ("spa", "whippet", Origin.LABEL),
    ]


def test_a_concept_has_only_so_many_names_in_a_language(mini):
    rows = [ConceptRow("", "Q1", "spa", f"galgo {letter}") for letter in "abcdefgh"]
    added = with_concepts(mini, rows)
    assert [text for language, text, _ in added if language == "spa"] == [f"galgo {c}" for c in "abcdefgh"[:MAX_LABELS]]


def test_a_synset_with_two_items_is_asked_by_both(mini):
    rows = [ConceptRow("", "Q1", "zxx", ""), ConceptRow("", "Q2", "zxx", ""), ConceptRow("", "Q2", "eng", "")]
    assert [text for _, text, _ in with_concepts(mini, rows)] == ["Q1", "Q2"]


def test_ambiguity_counts_the_senses_of_the_text_in_its_language(mini, mini_omw):
    found = {(query.language, query.text): query.ambiguity for query in queries_of(mini, mini_omw, "dog.n.01")}
    assert found["eng", "dog"] == 2
    assert found["eng", "domestic dog"] == 1
    assert found["eng", "dog canine"] == 1
    assert found["ita", "cane"] == 2
    assert found["nld", "hond"] == 1


def test_a_lemma_that_the_gate_took_away_is_no_query(mini, mini_omw):
    (car,) = select(mini, TaxonomyConfig(wnids=("car",))).synsets
    assert texts(Expander(mini, mini_omw, ALL).expand(car)) == ["car", "auto", "car vehicle", "auto vehicle"]


def assert_clean(queries: list[Query]) -> None:
    seen: set[tuple[str, str]] = set()
    for query in queries:
        assert query.text.strip()
        assert query.text == " ".join(query.text.split())
        assert "_" not in query.text
        assert "+的" not in query.text
        assert query.ambiguity >= 1
        assert (query.language, text_key(query.text)) not in seen
        seen.add((query.language, text_key(query.text)))


LEMMA = st.text(alphabet="aB_ é-狗", min_size=1, max_size=6).filter(lambda lemma: lemma.strip("_ "))


@settings(deadline=None)
@given(
    lemmas=st.lists(LEMMA, min_size=1, max_size=4),
    gloss=st.lists(st.sampled_from(["dog", "Dogs", "greyhound", "hounds,", "a", "dog-like", "geese"]), max_size=6),
    translations=st.lists(LEMMA, max_size=4),
    parent=st.lists(LEMMA, max_size=3),
)
def test_whatever_the_words_queries_are_clean(mini, lemmas, gloss, translations, parent):
    whippet, dog = mini.find("whippet"), mini.find("dog.n.01")
    rows = [f"{whippet:08d}-n\tita:lemma\t{lemma}" for lemma in translations]
    rows += [f"{dog:08d}-n\tita:lemma\t{lemma}" for lemma in parent]
    omw = Omw({"ita": read_lemmas(["\n".join(rows)])})
    synset = Synset(f"n{whippet:08d}", "whippet.n.01", tuple(lemmas), " ".join(gloss), (), 0, True, "")
    found = Expander(mini, omw, ALL).expand(synset)
    assert_clean(found)
    assert [query.position for query in found] == list(range(len(found)))
    assert len(texts(found)) >= 1


def test_every_synset_of_the_small_wordnet(mini, mini_omw):
    expander = Expander(mini, mini_omw, ALL)
    everything = TaxonomyConfig(roots=("entity",), instances=True, safety=False)
    for synset in select(mini, everything).synsets:
        found = expander.expand(synset)
        assert_clean(found)
        assert texts(found)[0].lower() == synset.lemmas[0].lower().replace("_", " ")


def test_the_papers_subtrees_in_five_languages(real, real_omw):
    expander = Expander(real, real_omw, ALL)
    synsets = select(real, TaxonomyConfig(roots=tuple(TWELVE))).synsets
    assert len(synsets) == 5247
    for synset in synsets:
        assert_clean(expander.expand(synset))
    assert texts(queries_of(real, real_omw, "whippet.n.01")) == ["whippet", "whippet dog", "whippet greyhound"]
    shepherd = queries_of(real, real_omw, "n02106662")
    assert "pastore tedesco" in texts(shepherd, "ita")
    assert "德种牧羊狗" in texts(shepherd, "cmn")
