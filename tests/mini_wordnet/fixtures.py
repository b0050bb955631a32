"""The small WordNet, built once per session, and the real one where it lies beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.taxonomy.omw import Omw
from imagenet_build.taxonomy.sources import load_omw, load_wordnet
from imagenet_build.taxonomy.wordnet import WordNet
from tests.mini_wordnet.make import build


@pytest.fixture(scope="session")
def mini_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mini")
    build(folder)
    return folder


@pytest.fixture(scope="session")
def mini_config(mini_folder: Path) -> TaxonomyConfig:
    return TaxonomyConfig(wordnet_dir=mini_folder / "wordnet", omw_dir=mini_folder / "omw", any_version=True)


@pytest.fixture(scope="session")
def mini(mini_config: TaxonomyConfig) -> WordNet:
    return load_wordnet(mini_config)


@pytest.fixture(scope="session")
def mini_omw(mini_config: TaxonomyConfig) -> Omw:
    return load_omw(mini_config, ("cmn", "spa", "nld", "ita"))


@pytest.fixture(scope="session")
def real_corpora() -> Path:
    shared = os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[2].parent / "shared"
    folder = Path(shared) / "nltk_data"
    if not (folder / "corpora" / "wordnet.zip").is_file():
        pytest.skip("the whole WordNet lies neither in IMAGENET_BUILD_SHARED nor in ../shared")
    return folder


@pytest.fixture(scope="session")
def real_config(real_corpora: Path) -> TaxonomyConfig:
    return TaxonomyConfig(wordnet_dir=real_corpora, omw_dir=real_corpora)


@pytest.fixture(scope="session")
def real(real_config: TaxonomyConfig) -> WordNet:
    return load_wordnet(real_config)


@pytest.fixture(scope="session")
def real_omw(real_config: TaxonomyConfig) -> Omw:
    return load_omw(real_config, ("cmn", "spa", "nld", "ita"))
