from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from imagenet_build.errors import UnknownSynset, WordNetUnusable
from imagenet_build.records import wnid_of
from imagenet_build.taxonomy.places import read_file
from imagenet_build.taxonomy.wordnet import WordNet
from tests.mini_wordnet.make import write_wordnet
from tests.mini_wordnet.nouns import NOUNS


def names(wordnet: WordNet, offsets: object) -> list[str]:
    return [wordnet.name(offset) for offset in offsets]  # type: ignore[attr-defined]


def opened(folder: Path) -> WordNet:
    return WordNet((folder / "data.noun").read_bytes(), partial(read_file, folder), "The test WordNet")


def read_all(folder: Path) -> list[tuple[str, ...]]:
    wordnet = opened(folder)
    return [wordnet.lemmas(offset) for offset in wordnet.offsets]


def written(folder: Path, *more: tuple[str, str, str, dict[str, object]]) -> WordNet:
    write_wordnet(folder, [*NOUNS, *more])
    return opened(folder)


def test_every_synset_is_read(mini):
    assert len(mini) == len(NOUNS)
    assert list(mini.offsets) == sorted(mini.offsets)
    for offset, (lemmas, *_) in zip(mini.offsets, NOUNS, strict=True):
        assert mini.lemmas(offset) == tuple(lemma.partition("#")[0] for lemma in lemmas.split())


def test_gloss_is_the_definition_and_examples_stand_apart(mini):
    whippet = mini.find("whippet")
    assert mini.gloss(whippet) == "small slender dog of greyhound type, bred in England"
    assert mini.examples(whippet) == ["the hound won"]


def test_parents_and_children_of_both_sorts(mini):
    dog, lassie, collie = mini.find("dog.n.01"), mini.find("lassie"), mini.find("collie")
    assert names(mini, mini.hypernyms(dog)) == ["canine.n.01", "domestic_animal.n.01"]
    assert (mini.hypernyms(lassie), mini.instance_hypernyms(lassie)) == ((), (collie,))
    assert mini.parents(lassie) == (collie,)
    assert mini.hyponyms(collie) == ()
    assert mini.hyponyms(collie, instances=True) == (lassie,)


def test_depth_is_the_shortest_way_up(mini):
    # entity, physical_entity, object, whole, living_thing, organism, animal, domestic_animal, dog
    assert mini.depth(mini.find("entity")) == 0
    assert mini.depth(mini.find("dog.n.01")) == 8


def test_usage_domains_say_which_lemma_they_mark(mini):
    disparagement = mini.find("disparagement")
    assert mini.usage_domains(mini.find("car")) == [(disparagement, 3)]
    assert (disparagement, 0) in mini.usage_domains(mini.find("rustbucket"))
    assert mini.usage_domains(mini.find("dog.n.01")) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dog.n.01", "dog.n.01"),
        ("DOG.N.1", "dog.n.01"),
        ("dog.n.02", "frank.n.01"),
        ("German shepherd.n.01", "german_shepherd.n.01"),
        ("german_shepherd", "german_shepherd.n.01"),
        ("  German   Shepherd ", "german_shepherd.n.01"),
        ("whippets", "whippet.n.01"),
        ("geese", "goose.n.01"),
        ("lap dog", "lap-dog.n.01"),
        ("hot-dog", "frank.n.01"),
        ("wood pecker", "woodpecker.n.01"),
        ("stringed instruments", "stringed_instrument.n.01"),
    ],
)
def test_a_synset_is_found_by(mini, text, name):
    assert mini.name(mini.find(text)) == name


def test_a_synset_is_found_by_its_wnid(mini):
    for offset in mini.offsets:
        assert mini.find(wnid_of(offset)) == offset
        assert mini.find(mini.name(offset)) == offset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", ["dog.n.01", "frank.n.01", "a sausage in a roll"]),
        ("cranes", ["crane.n.01", "crane.n.02", "wading bird"]),
        ("greyhuond", ["Did you mean", "greyhound"]),
        ("n99999999", ["n99999999"]),
        ("dog.n.07", ["no noun sense 7", "dog.n.01"]),
        ("run.v.01", ["not a noun"]),
        ("zzz", ["no noun 'zzz'"]),
        ("", ["no noun ''"]),
    ],
)
def test_what_is_not_one_synset_is_explained(mini, text, expected):
    with pytest.raises(UnknownSynset) as refused:
        mini.find(text)
    for part in expected:
        assert part in str(refused.value)


def test_morphy(mini):
    assert mini.morphy("dogs") == ("dog",)
    assert mini.morphy("wolves") == ("wolf",)
    assert mini.morphy("bowed stringed instruments") == ("bowed_stringed_instrument",)
    assert mini.morphy("glass") == ()


def test_a_circle_is_named(tmp_path):
    with pytest.raises(WordNetUnusable, match="in a circle") as refused:
        written(tmp_path, ("egg", "laid by a hen", "hen", {}), ("hen", "hatched from an egg", "egg", {}))
    assert str(refused.value).count(" -> ") == 2


def test_a_circle_that_also_hangs_on_the_root_is_found(tmp_path):
    with pytest.raises(WordNetUnusable, match="in a circle"):
        written(tmp_path, ("egg", "laid by a hen", "hen entity", {}), ("hen", "hatched from an egg", "egg", {}))


def test_a_parent_that_is_not_there(mini_folder, tmp_path):
    data = (mini_folder / "wordnet" / "data.noun").read_bytes()
    first_pointer = data[data.index(b" @ ") :][:11]
    (tmp_path / "data.noun").write_bytes(data.replace(first_pointer, b" @ 99999999", 1))
    with pytest.raises(WordNetUnusable, match="n99999999, which does not exist"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-40], "cut off"),
        (lambda data: data.replace(b"\n", b"\r\n"), "CRLF"),
        (lambda data: data[10:], "does not begin with that number"),
        (lambda data: b"", "no synset"),
        (lambda data: data.replace(b"n 02 organism", b"n zz organism"), "cannot be read"),
        (lambda data: data.replace(b"n 02 organism", b"n ff organism"), "fewer words"),
    ],
)
def test_damaged_files_are_refused(mini_folder, tmp_path, damage, message):
    (tmp_path / "data.noun").write_bytes(damage((mini_folder / "wordnet" / "data.noun").read_bytes()))
    with pytest.raises(WordNetUnusable, match=message) as refused:
        read_all(tmp_path)
    assert "data install" in refused.value.remedy


def test_an_index_of_another_wordnet_is_refused(mini_folder, mini):
    data = (mini_folder / "wordnet" / "data.noun").read_bytes()
    other = WordNet(data, lambda name: b"dog n 1 1 @ 1 0 00000001  \n")
    with pytest.raises(WordNetUnusable, match=r"index\.noun does not list"):
        other.name(mini.find("dog.n.01"))
