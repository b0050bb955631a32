from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.errors import WordNetUnusable
from imagenet_build.taxonomy import sources
from imagenet_build.taxonomy.places import data_dir
from imagenet_build.taxonomy.sources import examine, load_omw, load_wordnet, wordnets
from tests.mini_wordnet.make import build

ANY = {"any_version": True}


def zipped(folder: Path, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for file in sorted(folder.rglob("*")):
            written.write(file, Path(archive.stem) / file.relative_to(folder))


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> Path:
    """A machine without any wordnet but what the test puts under the returned folder."""
    monkeypatch.setattr(sources, "nltk_folders", lambda: [tmp_path / "nltk"])
    monkeypatch.setenv("IMAGENET_BUILD_DATA", str(tmp_path / "own"))
    return tmp_path


@pytest.mark.parametrize("place", ["", "wordnet", "corpora/wordnet"])
def test_a_configured_folder_may_be_any_of(mini_folder, tmp_path, place):
    shutil.copytree(mini_folder / "wordnet", tmp_path / place, dirs_exist_ok=True)
    assert load_wordnet(TaxonomyConfig(wordnet_dir=tmp_path, **ANY)).find("whippet")


@pytest.mark.parametrize("place", ["wordnet.zip", "corpora/wordnet.zip"])
def test_archives_are_read_in_place(mini_folder, tmp_path, place):
    zipped(mini_folder / "wordnet", tmp_path / place)
    zipped(mini_folder / "omw", tmp_path / Path(place).with_name("omw-1.4.zip"))
    config = TaxonomyConfig(wordnet_dir=tmp_path, omw_dir=tmp_path, **ANY)
    wordnet = load_wordnet(config)
    assert wordnet.name(wordnet.find("geese")) == "goose.n.01"
    assert load_omw(config, ["ita"]).lemmas("ita", wordnet.find("dog.n.01")) == ("cane",)
    assert load_wordnet(TaxonomyConfig(wordnet_dir=tmp_path / place, **ANY)).find("whippet")


def test_nltks_search_path_comes_before_the_projects_folder(mini_folder, nowhere):
    shutil.copytree(mini_folder / "wordnet", nowhere / "nltk" / "corpora" / "wordnet")
    shutil.copytree(mini_folder / "wordnet", nowhere / "own" / "wordnet")
    shutil.copytree(mini_folder / "omw", nowhere / "own" / "omw")
    found = [place.path for place, _ in wordnets(TaxonomyConfig())]
    assert found == [str(nowhere / "nltk" / "corpora" / "wordnet"), str(nowhere / "own" / "wordnet")]
    assert load_omw(TaxonomyConfig(), ["nld"]).languages == ("nld",)


def test_an_archive_in_the_projects_omw_folder_is_found(mini_folder, nowhere):
    zipped(mini_folder / "omw", nowhere / "own" / "omw" / "omw-1.4.zip")
    assert load_omw(TaxonomyConfig(), ["spa"]).languages == ("spa",)


def test_nothing_found_says_where_it_was_looked_for(nowhere):
    with pytest.raises(WordNetUnusable, match="NLTK's search path") as refused:
        load_wordnet(TaxonomyConfig())
    assert "data install" in refused.value.remedy
    assert load_omw(TaxonomyConfig(), ["ita"]).languages == ()


def test_a_file_that_is_missing_is_named(mini_folder, tmp_path):
    shutil.copytree(mini_folder / "wordnet", tmp_path / "wordnet")
    (tmp_path / "wordnet" / "noun.exc").unlink()
    with pytest.raises(WordNetUnusable, match=r"noun\.exc is missing"):
        load_wordnet(TaxonomyConfig(wordnet_dir=tmp_path, **ANY))


def test_another_version_is_refused_unless_any_will_do(mini_folder):
    with pytest.raises(WordNetUnusable, match="an unknown version"):
        load_wordnet(TaxonomyConfig(wordnet_dir=mini_folder))
    assert load_wordnet(TaxonomyConfig(wordnet_dir=mini_folder, **ANY)).find("whippet")


def test_a_refused_version_does_not_hide_a_good_one(mini_folder, nowhere, monkeypatch):
    build(nowhere / "nltk")
    shutil.copytree(mini_folder / "wordnet", nowhere / "own" / "wordnet")
    (nowhere / "nltk" / "wordnet" / "data.noun").write_bytes(b"  1 WordNet 2.1 Copyright 2005  \n")
    import hashlib

    digest = hashlib.sha256((nowhere / "own" / "wordnet" / "data.noun").read_bytes()).hexdigest()
    monkeypatch.setattr(sources, "KNOWN_SHA256", {digest: "WordNet 3.0"})
    assert str(nowhere / "own") in load_wordnet(TaxonomyConfig()).source


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"  14 WordNet 3.1 Copyright 2011 by Princeton University.  \n", "it is WordNet 3.1"),
        (b"  14 WordNet 2.1 Copyright 2005 by Princeton University.  \n", "it is WordNet 2.1"),
        (b"  14 WordNet 3.0 Copyright 2006 by Princeton University.  \r\n", "CRLF"),
        (b"  14 WordNet 3.0 Copyright 2006 by Princeton University.  \n", "damaged or changed WordNet 3.0"),
        (b"something else\n", "an unknown version"),
    ],
)
def test_what_a_file_is_instead_is_said(mini_folder, data, said):
    assert said in examine(mini_folder / "wordnet", data).problem


def test_an_archive_that_is_none_is_passed_over_with_a_warning(nowhere, caplog):
    archive = nowhere / "nltk" / "corpora" / "wordnet.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"<html>404</html>")
    with pytest.raises(WordNetUnusable):
        load_wordnet(TaxonomyConfig())
    assert "wordnet.zip is passed over" in caplog.text


def test_a_damaged_archive_is_an_error_with_a_remedy(mini_folder, tmp_path):
    archive = tmp_path / "wordnet.zip"
    zipped(mini_folder / "wordnet", archive)
    content = bytearray(archive.read_bytes())
    content[60:400] = bytes(340)
    archive.write_bytes(content)
    with pytest.raises(WordNetUnusable, match=r"data\.noun in .* cannot be read"):
        load_wordnet(TaxonomyConfig(wordnet_dir=tmp_path, **ANY))


def test_the_data_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGENET_BUILD_DATA", str(tmp_path))
    assert data_dir() == tmp_path
    monkeypatch.delenv("IMAGENET_BUILD_DATA")
    import imagenet_build

    assert data_dir() == Path(imagenet_build.__file__).parents[1] / "data"
    monkeypatch.setattr(imagenet_build, "__file__", str(tmp_path / "site-packages" / "imagenet_build" / "__init__.py"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert data_dir() == tmp_path / "share" / "imagenet-build"


def test_the_real_wordnet_is_known(real_config):
    ((found, _),) = [*wordnets(real_config)][:1]
    assert (found.version, found.problem) == ("WordNet 3.0", "")
