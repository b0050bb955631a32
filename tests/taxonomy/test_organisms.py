from __future__ import annotations

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.taxonomy.organisms import organisms
from imagenet_build.taxonomy.sources import load_wordnet
from tests.mini_wordnet.make import write_wordnet


def test_living_things_and_nothing_else(mini):
    living = organisms(mini)
    for name in ("organism", "dog.n.01", "whippet", "musician", "Paganini", "Lassie"):
        assert mini.find(name) in living, name
    for name in ("living_thing", "food", "frank", "violin", "mountain", "entity"):
        assert mini.find(name) not in living, name


def test_a_wordnet_without_organisms_has_none(tmp_path):
    nouns = [("entity", "all there is", "", {}), ("organism system", "a whole of many parts", "entity", {})]
    write_wordnet(tmp_path / "wordnet", nouns)
    assert organisms(load_wordnet(TaxonomyConfig(wordnet_dir=tmp_path / "wordnet", any_version=True))) == frozenset()


def test_fruits_are_no_organisms_but_flowers_are(real):
    living = organisms(real)
    assert real.find("flower.n.01") in living
    assert real.find("fruit.n.01") not in living
    assert real.find("bird.n.01") in living
