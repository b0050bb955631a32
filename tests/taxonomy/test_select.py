from __future__ import annotations

import pytest

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.errors import ConfigError, UnknownSynset, WordNetUnusable
from imagenet_build.records import LeftOutReason, offset_of
from imagenet_build.taxonomy.select import read_wnids, select
from imagenet_build.taxonomy.wordnet import WordNet
from tests.mini_wordnet.make import write_wordnet
from tests.taxonomy.test_wordnet import opened

TWELVE = {
    "mammal.n.01": 1170,
    "bird.n.01": 872,
    "fish.n.01": 618,
    "reptile.n.01": 297,
    "amphibian.n.03": 96,
    "vehicle.n.01": 520,
    "furniture.n.01": 197,
    "musical_instrument.n.01": 164,
    "geological_formation.n.01": 176,
    "tool.n.01": 348,
    "flower.n.01": 468,
    "fruit.n.01": 321,
}


def chosen(wordnet: WordNet, **settings: object) -> list[str]:
    return [synset.name for synset in select(wordnet, TaxonomyConfig(**settings)).synsets]  # type: ignore[arg-type]


def left_out(wordnet: WordNet, **settings: object) -> dict[str, LeftOutReason]:
    selection = select(wordnet, TaxonomyConfig(**settings))  # type: ignore[arg-type]
    return {item.name: item.reason for item in selection.left_out}


def test_a_root_brings_its_subtree_in_wnid_order(mini):
    selection = select(mini, TaxonomyConfig(roots=("hound",)))
    assert [synset.name for synset in selection.synsets] == [
        "hound.n.01",
        "greyhound.n.01",
        "whippet.n.01",
        "italian_greyhound.n.01",
    ]
    assert [synset.wnid for synset in selection.synsets] == sorted(synset.wnid for synset in selection.synsets)
    whippet = selection.synsets[2]
    assert whippet.hypernyms == (selection.synsets[1].wnid,)
    assert whippet.root == selection.synsets[0].wnid
    assert whippet.depth == mini.depth(offset_of(whippet.wnid))


def test_wnids_bring_exactly_themselves(mini, tmp_path):
    listed = tmp_path / "wnids.txt"
    wolf = f"n{mini.find('wolf'):08d}"
    listed.write_text(f"# a list\n{wolf} wolf, a wild canine\n\nLassie\n")
    assert chosen(mini, wnids=("dog.n.01",), wnids_file=listed) == ["wolf.n.01", "dog.n.01", "lassie.n.01"]


def test_the_first_wanted_root_is_recorded(mini):
    first, second = mini.find("canine"), mini.find("domestic_animal")
    selection = select(mini, TaxonomyConfig(roots=("domestic_animal", "canine")))
    roots = {synset.name: offset_of(synset.root) for synset in selection.synsets}
    assert roots["dog.n.01"] == second
    assert roots["wolf.n.01"] == first


def test_individuals_only_if_asked_for(mini):
    assert "lassie.n.01" not in chosen(mini, roots=("animal",))
    assert "lassie.n.01" in chosen(mini, roots=("animal",), instances=True)


def test_people_are_left_out_unless_allowed(mini, tmp_path):
    names = left_out(mini, roots=("organism",), instances=True)
    assert {name for name, reason in names.items() if reason is LeftOutReason.PERSON} == {
        "person.n.01",
        "musician.n.01",
        "violinist.n.01",
        "paganini.n.01",
    }
    allowed = tmp_path / "people.txt"
    allowed.write_text(f"n{mini.find('musician'):08d}\nn{mini.find('puppy.n.02'):08d}\n")
    settings = {"roots": ("organism",), "allowed_person_wnids_file": allowed}
    assert "musician.n.01" in chosen(mini, **settings)
    assert left_out(mini, **settings)["puppy.n.02"] is LeftOutReason.USAGE_DOMAIN


def test_offensive_usage_is_left_out_and_other_usage_stays(mini):
    assert left_out(mini, roots=("vehicle",)) == {"rustbucket.n.01": LeftOutReason.USAGE_DOMAIN}
    assert "banger.n.01" in chosen(mini, roots=("vehicle",))
    assert left_out(mini, roots=("vehicle",), safety=False) == {}


def test_a_mark_on_one_word_takes_the_word_only(mini):
    (car,) = select(mini, TaxonomyConfig(wnids=("car",))).synsets
    assert car.lemmas == ("car", "auto")
    (car,) = select(mini, TaxonomyConfig(wnids=("car",), safety=False)).synsets
    assert car.lemmas == ("car", "auto", "gas_guzzler")


def test_lists_of_the_user_exclude_even_without_safety(mini, tmp_path):
    unwanted = tmp_path / "unwanted.txt"
    unwanted.write_text(f"n{mini.find('drum'):08d}\nn99999999\n")
    for safety in (True, False):
        settings = {"roots": ("musical_instrument",), "exclude_wnids_files": (unwanted,), "safety": safety}
        assert left_out(mini, **settings) == {"drum.n.01": LeftOutReason.EXCLUDED}


def test_wrong_requests_are_refused(mini, tmp_path):
    with pytest.raises(ConfigError, match="No synset is asked for"):
        select(mini, TaxonomyConfig())
    with pytest.raises(UnknownSynset):
        select(mini, TaxonomyConfig(roots=("unicorn",)))
    with pytest.raises(ConfigError, match="cannot be read"):
        select(mini, TaxonomyConfig(wnids_file=tmp_path / "absent.txt"))
    unlisted = tmp_path / "names.txt"
    unlisted.write_text("dog.n.01\n")
    with pytest.raises(ConfigError, match="is not a wnid"):
        select(mini, TaxonomyConfig(roots=("dog.n.01",), exclude_wnids_files=(unlisted,)))
    unlisted.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_wnids(unlisted)


def test_without_people_in_the_wordnet_the_gate_refuses_to_work(tmp_path):
    write_wordnet(tmp_path, [("entity", "whatever there is", "", {}), ("rock", "a stone", "entity", {})])
    wordnet = opened(tmp_path)
    with pytest.raises(WordNetUnusable, match=r"person\.n\.01"):
        select(wordnet, TaxonomyConfig(roots=("rock",)))
    assert chosen(wordnet, roots=("rock",), safety=False) == ["rock.n.01"]


def test_the_twelve_subtrees_of_the_paper(real):
    for root, count in TWELVE.items():
        selection = select(real, TaxonomyConfig(roots=(root,)))
        assert (root, len(selection.synsets), selection.left_out) == (root, count, [])
    assert len(chosen(real, roots=tuple(TWELVE))) == 5247


def test_all_nouns(real):
    selection = select(real, TaxonomyConfig(roots=("entity",), instances=True, safety=False))
    assert len(selection.synsets) == 82115
    reasons = left_out(real, roots=("entity",))
    assert reasons["coolie.n.01"] is LeftOutReason.USAGE_DOMAIN
    assert reasons["violinist.n.01"] is LeftOutReason.PERSON
