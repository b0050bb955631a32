"""NLTK's reader as the oracle."""

from __future__ import annotations

import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from imagenet_build.taxonomy.places import nltk_folders
from imagenet_build.taxonomy.wordnet import WordNet
from tests.mini_wordnet.make import add_files_for_nltk, build


def nltk_reader(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A reader of `folder/corpora/wordnet`; NLTK reads nothing outside its search path."""
    import nltk.data  # here: NLTK's import takes two seconds of every worker that collects the tests
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    monkeypatch.setattr(nltk.data, "path", [str(folder), *nltk.data.path])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses its multilingual files
        return WordNetCorpusReader(str(folder / "corpora" / "wordnet"), None)


def assert_same(own: WordNet, theirs: Any, offsets: list[int]) -> None:
    for offset in offsets:
        synset = theirs.synset_from_pos_and_offset("n", offset)
        assert own.name(offset) == synset.name()
        assert list(own.lemmas(offset)) == synset.lemma_names()
        assert own.gloss(offset) == synset.definition()
        assert own.examples(offset) == synset.examples()
        assert own.depth(offset) == synset.min_depth()
        assert set(own.hypernyms(offset)) == {parent.offset() for parent in synset.hypernyms()}
        assert set(own.instance_hypernyms(offset)) == {parent.offset() for parent in synset.instance_hypernyms()}
        assert set(own.hyponyms(offset)) == {child.offset() for child in synset.hyponyms()}
        children = {child.offset() for child in synset.hyponyms() + synset.instance_hyponyms()}
        assert set(own.hyponyms(offset, instances=True)) == children
        assert own.find(own.name(offset)) == offset


def test_the_small_wordnet_reads_the_same(tmp_path, mini, monkeypatch):
    """Children are left out: the small file has no `~` pointers, which the reader here does not need."""
    build(tmp_path / "corpora")
    add_files_for_nltk(tmp_path / "corpora" / "wordnet")
    theirs = nltk_reader(tmp_path, monkeypatch)
    for offset in mini.offsets:
        synset = theirs.synset_from_pos_and_offset("n", offset)
        assert mini.name(offset) == synset.name()
        assert list(mini.lemmas(offset)) == synset.lemma_names()
        assert (mini.gloss(offset), mini.examples(offset)) == (synset.definition(), synset.examples())
        assert mini.depth(offset) == synset.min_depth()
        assert set(mini.hypernyms(offset)) == {parent.offset() for parent in synset.hypernyms()}
    for word in ("dogs", "geese", "wolves", "puppies", "lap-dogs", "boxes", "violins", "whippet"):
        assert list(mini.morphy(word)) == theirs._morphy(word, "n")


def test_the_whole_wordnet_reads_the_same(real_corpora, real, tmp_path, monkeypatch):
    with zipfile.ZipFile(real_corpora / "corpora" / "wordnet.zip") as archive:
        archive.extractall(tmp_path / "corpora")
    theirs = nltk_reader(tmp_path, monkeypatch)
    assert_same(real, theirs, random.Random(0).sample(list(real.offsets), 2000))
    plurals = [f"{word}s" for word in random.Random(1).sample([*real.index], 2000) if "_" not in word]
    # NLTK has a rule (-ves -> -f) that morphy(7WN) has not, and takes an s off -ss, which morphy(7WN) does not
    plain = [word for word in plurals if not word.endswith(("ves", "ss", "ful", "fuls"))]
    assert [list(real.morphy(word)) for word in plain] == [theirs._morphy(word, "n") for word in plain]


def test_the_search_path_is_nltks():
    import nltk.data

    assert [str(folder) for folder in nltk_folders()] == [str(Path(folder)) for folder in nltk.data.path]
