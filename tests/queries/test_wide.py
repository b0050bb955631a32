from __future__ import annotations

from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.config.models import QueriesConfig, TaxonomyConfig
from imagenet_build.queries.basic_level import BasicLevel
from imagenet_build.queries.expand import Expander
from imagenet_build.queries.latin_names import LatinNames
from imagenet_build.queries.wide import MAX_EXTRA
from imagenet_build.records import Origin, Query, Synset
from imagenet_build.taxonomy.omw import Omw
from imagenet_build.taxonomy.select import describe, select
from imagenet_build.taxonomy.sources import load_wordnet
from imagenet_build.taxonomy.wordnet import WordNet
from tests.mini_wordnet.make import write_wordnet
from tests.mini_wordnet.nouns import NOUNS, Entry
from tests.queries.test_expand import LEMMA, assert_clean
from tests.taxonomy.test_select import TWELVE

PAPER = QueriesConfig(languages=("cmn", "spa", "nld", "ita"))
WIDE = PAPER.model_copy(update={"expand": "wide"})
BEYOND = {Origin.SPELLING, Origin.BASIC_LEVEL, Origin.LATIN}

MORE: list[Entry] = [
    ("group", "several things taken together", "abstraction", {}),
    ("taxon taxonomic_group", "a group of living things", "group", {}),
    ("Castor genus_Castor", "beavers of today and of old", "taxon", {}),
    ("genus_Canis Canis", "dogs, wolves and jackals", "taxon", {}),
    ("family_Lepidae", "a family with one kind", "taxon", {}),
    ("genus_Lepus", "a genus in that family", "taxon", {"member_of": "family_Lepidae"}),
    ("beaver", "an animal that fells trees", "animal", {"member_of": "Castor"}),
    ("jackal", "a wild canine that eats what others leave", "canine", {"member_of": "genus_Canis"}),
    ("dhole", "a wild canine of Asia", "canine", {"member_of": "genus_Canis"}),
    ("leveret Lepus_minor", "a small animal", "animal", {"member_of": "family_Lepidae"}),
    ("hopper", "an animal that hops", "animal", {"member_of": "family_Lepidae"}),
    ("gray_plow_dog", "a canine that draws ploughs", "dog", {}),
    ("Afghan_hound Afghan", "a tall hound with a long coat", "hound", {}),
    ("Afghan#2", "a blanket", "artifact", {}),
    ("bulldog watchdog", "a strong dog", "dog", {}),
    ("watch", "a guard", "device", {}),
    ("bull", "a male animal", "animal", {}),
    ("fold pen", "a place for animals", "artifact", {}),
    ("sheep", "an animal with wool", "animal", {}),
    ("sheepfold sheepskin sheeprun", "things of sheep", "artifact", {}),
    ("skin run", "other things", "artifact", {}),
    ("sheep_dog_trial", "a contest", "abstraction", {}),
    ("carpet", "a cover for floors", "artifact", {}),
]


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> WordNet:
    folder = tmp_path_factory.mktemp("wide") / "wordnet"
    write_wordnet(folder, [*NOUNS, *MORE])
    return load_wordnet(TaxonomyConfig(wordnet_dir=folder, any_version=True))


def added(wordnet: WordNet, name: str) -> list[tuple[str, Origin]]:
    offset = wordnet.find(name)
    synset = describe(wordnet, offset, root=offset, living=())
    paper = Expander(wordnet, Omw(), PAPER).expand(synset)
    found = Expander(wordnet, Omw(), WIDE).expand(synset)
    assert found[: len(paper)] == paper
    return [(query.text, query.origin) for query in found[len(paper) :]]


def test_the_category_that_people_say_follows_though_the_gloss_does_not_name_it(small):
    # Afghan alone may be a blanket too, so it gains most
    assert added(small, "afghan_hound") == [
        ("Afghan dog", Origin.BASIC_LEVEL),
        ("Afghan hound dog", Origin.BASIC_LEVEL),
    ]


def test_a_name_that_holds_its_category_gets_another_only_if_it_has_several_senses(small):
    assert added(small, "collie") == []  # the paper's rule gave `collie dog`
    assert ("dog animal", Origin.BASIC_LEVEL) in added(small, "dog.n.01")
    assert "domestic dog animal" not in dict(added(small, "dog.n.01"))
    assert added(small, "crane.n.01") == []  # `crane bird` is the paper's already


def test_a_lapdog_ends_with_its_category(small):
    assert Origin.BASIC_LEVEL not in dict(added(small, "lap-dog")).values()


def test_a_taxon_names_its_only_member(small):
    assert added(small, "beaver")[0] == ("Castor", Origin.LATIN)
    assert Origin.LATIN not in dict(added(small, "jackal")).values()  # a dhole is a Canis as well


def test_a_species_own_name_is_a_synonym_and_needs_no_wider_one(small):
    latin = LatinNames(small)
    assert latin.is_species("Lepus minor")
    assert latin.is_species("Canis familiaris")
    assert not latin.is_species("Afghan hound")
    leveret, hopper = small.find("leveret"), small.find("hopper")
    assert latin.of(leveret, small.lemmas(leveret)) == []
    assert latin.of(hopper, small.lemmas(hopper)) == []  # two kinds in that family; the genus is none of them


def test_species_get_no_category(small):
    texts = dict(added(small, "leveret"))
    assert "Lepus minor animal" not in texts


def test_both_sides_of_the_atlantic(small):
    assert added(small, "gray_plow_dog") == [("grey plough dog", Origin.SPELLING)]


def test_words_above_decide_where_a_word_is_taken_apart(small):
    assert ("bull dog", Origin.SPELLING) in added(small, "bulldog")
    assert all(origin is not Origin.SPELLING for _, origin in added(small, "carpet"))


def test_spellings_are_last_and_those_that_engines_may_not_tell_apart_very_last(small):
    assert [text for text, _ in added(small, "bulldog")] == ["bull dog", "watch dog", "bull-dog", "watch-dog"]
    assert added(small, "lap-dog")[-1] == ("lap dog", Origin.SPELLING)


def test_ambiguity_is_counted_for_added_texts_too(small):
    offset = small.find("beaver")
    found = Expander(small, Omw(), WIDE).expand(describe(small, offset, root=offset, living=()))
    assert {query.text: query.ambiguity for query in found}["Castor"] == 1


def test_paper_is_the_default():
    assert QueriesConfig().expand == "paper"


@settings(deadline=None)
@given(
    lemmas=st.lists(
        st.one_of(
            LEMMA, st.sampled_from(["lap-dog", "Gray_dog", "sheep_dog", "Canis_lupus", "bulldog", "-", "a-", "-b"])
        ),
        min_size=1,
        max_size=8,
    ),
    gloss=st.lists(st.sampled_from(["dog", "greyhound", "hounds,"]), max_size=3),
    place=st.sampled_from(["whippet", "beaver", "crane.n.01", "violin", "entity"]),
)
def test_whatever_the_words_the_paper_comes_first_and_all_are_clean(small, lemmas, gloss, place):
    offset = small.find(place)
    synset = Synset(f"n{offset:08d}", "x.n.01", tuple(lemmas), " ".join(gloss), (), 0, True, "")
    paper = Expander(small, Omw(), PAPER).expand(synset)
    found = Expander(small, Omw(), WIDE).expand(synset)
    assert found[: len(paper)] == paper
    assert_clean(found)
    assert [query.position for query in found] == list(range(len(found)))
    assert len(found) - len(paper) <= MAX_EXTRA
    assert {query.origin for query in found[len(paper) :]} <= BEYOND
    assert not {query.origin for query in paper} & BEYOND


def test_every_category_is_one_of_wordnets(real):
    assert BasicLevel(real).missing() == []


def english(queries: list[Query]) -> int:
    return sum(query.language == "eng" for query in queries)


def test_the_papers_subtrees_stay_within_fifteen_english_queries(real, real_omw):
    paper, wide = Expander(real, real_omw, PAPER), Expander(real, real_omw, WIDE)
    counts, widened = [], 0
    for synset in select(real, TaxonomyConfig(roots=tuple(TWELVE))).synsets:
        first, found = paper.expand(synset), wide.expand(synset)
        assert found[: len(first)] == first
        assert_clean(found)
        counts.append(english(found))
        widened += len(found) > len(first)
    assert mean(counts) <= 15
    assert widened > 2500  # more than half of them gain something


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("afghan_hound.n.01", "Afghan hound dog"),
        ("kingfisher.n.01", "Alcedinidae"),
        ("beaver.n.07", "Castor"),
        ("wood_aster.n.01", "wood aster flower"),
        ("gypsy_cab.n.01", "gypsy cab car"),
        ("bass_clarinet.n.01", "bass clarinet instrument"),
        ("bolt_cutter.n.01", "bolt cutter tool"),
        ("credenza.n.01", "credenza furniture"),
        ("saber_saw.n.01", "sabre saw"),
        ("tree_frog.n.02", "treefrog"),
        ("armchair.n.01", "arm chair"),
    ],
)
def test_each_branch_gains(real, name, text):
    assert text in dict(added(real, name))
