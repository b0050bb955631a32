"""Name -> engine: the one table to extend. A new engine is one file in `engines/`, one line here, one recorded page."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

from imagenet_build.config.models import EngineConfig
from imagenet_build.errors import ConfigError
from imagenet_build.search.canonical_url import fetch_url
from imagenet_build.search.engine import Engine, EngineInfo
from imagenet_build.search.engines.artic import Artic
from imagenet_build.search.engines.brave import Brave
from imagenet_build.search.engines.cleveland import Cleveland
from imagenet_build.search.engines.collection import Collection
from imagenet_build.search.engines.europeana import Europeana
from imagenet_build.search.engines.fields import is_loopback
from imagenet_build.search.engines.flickr import Flickr
from imagenet_build.search.engines.gbif import Gbif
from imagenet_build.search.engines.gone import GONE
from imagenet_build.search.engines.google import Google
from imagenet_build.search.engines.inaturalist import INaturalist
from imagenet_build.search.engines.internetarchive import InternetArchive
from imagenet_build.search.engines.kakao import Kakao
from imagenet_build.search.engines.loc import LibraryOfCongress
from imagenet_build.search.engines.met import Met
from imagenet_build.search.engines.nasa import Nasa
from imagenet_build.search.engines.naver import Naver
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.engines.openverse_account import CLIENT_ID_ENV, CLIENT_SECRET_ENV
from imagenet_build.search.engines.pexels import Pexels
from imagenet_build.search.engines.pixabay import Pixabay
from imagenet_build.search.engines.serpapi import SerpApi
from imagenet_build.search.engines.serper import Serper
from imagenet_build.search.engines.smithsonian import Smithsonian
from imagenet_build.search.engines.unsplash import Unsplash
from imagenet_build.search.engines.webiq import WebIq
from imagenet_build.search.engines.wikidata import Wikidata
from imagenet_build.search.engines.wikimedia import Wikimedia
from imagenet_build.search.engines.wikipedia import Wikipedia
from imagenet_build.search.engines.yandex import FOLDER_ID_ENV, Yandex
from imagenet_build.search.keys import keys_at_hand

Factory = Callable[[EngineConfig, Sequence[str], Path | None], Engine]
"""Makes an adapter of its configuration, the wanted licences (empty: all) and the file of keys, if there is one."""


def _at(adapter: Callable[..., Engine]) -> Factory:
    """For adapters that take nothing but another address."""
    return lambda config, *_: adapter(config.base_url) if config.base_url else adapter()


def _openverse(config: EngineConfig, licenses: Sequence[str], keys_file: Path | None) -> Engine:
    account = (CLIENT_ID_ENV, CLIENT_SECRET_ENV)
    with_token = not keys_at_hand(account, keys_file).missing(account)
    address = (config.base_url,) if config.base_url else ()
    return Openverse(*address, licenses=[code for code in licenses if code != "unknown"], with_token=with_token)


def _yandex(config: EngineConfig, _: Sequence[str], keys_file: Path | None) -> Engine:
    # The folder is no secret, and it stands in the body, where no key is ever put.
    keys = keys_at_hand((FOLDER_ID_ENV,), keys_file)
    folder = "" if keys.missing((FOLDER_ID_ENV,)) else keys.value(FOLDER_ID_ENV)
    return Yandex(config.base_url, folder) if config.base_url else Yandex(folder_id=folder)


def _collection(config: EngineConfig, _: Sequence[str], __: Path | None) -> Engine:
    # Only here is the disk touched, so that looking at the table of engines needs no index.
    from imagenet_build.collection.lookup import index_id_of

    if config.index is None:
        raise ConfigError(
            "The engine collection needs `index`, the file of a caption index.",
            remedy="`imagenet-build collection index FOLDER` makes one.",
        )
    return Collection(config.index, index_id_of(config.index), config.pictures_url)


_ENGINES: dict[str, tuple[EngineInfo, Factory]] = {
    Openverse.info.name: (Openverse.info, _openverse),
    Wikimedia.info.name: (Wikimedia.info, _at(Wikimedia)),
    Wikidata.info.name: (Wikidata.info, _at(Wikidata)),
    Wikipedia.info.name: (Wikipedia.info, _at(Wikipedia)),
    INaturalist.info.name: (INaturalist.info, _at(INaturalist)),
    Gbif.info.name: (Gbif.info, _at(Gbif)),
    Flickr.info.name: (Flickr.info, _at(Flickr)),
    Brave.info.name: (Brave.info, _at(Brave)),
    WebIq.info.name: (WebIq.info, _at(WebIq)),
    Naver.info.name: (Naver.info, _at(Naver)),
    Kakao.info.name: (Kakao.info, _at(Kakao)),
    SerpApi.info.name: (SerpApi.info, _at(SerpApi)),
    Serper.info.name: (Serper.info, _at(Serper)),
    Yandex.info.name: (Yandex.info, _yandex),
    Pixabay.info.name: (Pixabay.info, _at(Pixabay)),
    Pexels.info.name: (Pexels.info, _at(Pexels)),
    Unsplash.info.name: (Unsplash.info, _at(Unsplash)),
    Met.info.name: (Met.info, _at(Met)),
    Artic.info.name: (Artic.info, _at(Artic)),
    Cleveland.info.name: (Cleveland.info, _at(Cleveland)),
    LibraryOfCongress.info.name: (LibraryOfCongress.info, _at(LibraryOfCongress)),
    Nasa.info.name: (Nasa.info, _at(Nasa)),
    InternetArchive.info.name: (InternetArchive.info, _at(InternetArchive)),
    Smithsonian.info.name: (Smithsonian.info, _at(Smithsonian)),
    Europeana.info.name: (Europeana.info, _at(Europeana)),
    Google.info.name: (Google.info, _at(Google)),
    Collection.info.name: (Collection.info, _collection),
}


def engine_infos() -> list[EngineInfo]:
    """What is known of each engine, in the order of the table."""
    return [info for info, _ in _ENGINES.values()]


def make_engine(config: EngineConfig, licenses: Sequence[str] = (), keys_file: Path | None = None) -> Engine:
    """The adapter that a configuration names.

    Args:
        config: of this engine.
        licenses: codes that are wanted, for engines that can filter by them; empty: all.
        keys_file: `search.keys_file`; some engines have other limits with an account, or name it in their requests.
    Raises:
        ConfigError: no engine of that name, a key that means nothing to it, a key that it needs, an unusable base_url,
            or a file of keys that cannot be read.
    """
    if config.name in GONE:
        raise ConfigError(f"There is no engine {config.name!r}. {GONE[config.name]}")
    if config.name not in _ENGINES:
        near = difflib.get_close_matches(config.name, _ENGINES, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_ENGINES)}."
        raise ConfigError(f"There is no engine {config.name!r}; {hint}", remedy="`imagenet-build engines` lists them.")
    info, factory = _ENGINES[config.name]
    given = {key for key, value in config if key != "name" and value not in (None, False)}
    useful = info.options | ({"accept_terms"} if info.prohibition else set())
    useless = sorted(given - useful)
    if useless:
        raise ConfigError(
            f"The engine {config.name} has no {' or '.join(useless)}; it knows {', '.join(sorted(info.options))}."
        )
    if config.base_url is not None and not _is_base_url(config.base_url):
        raise ConfigError(
            f"base_url of the engine {config.name} is {config.base_url!r}; it must read http://host or https://host."
        )
    return factory(config, licenses, keys_file)


def is_local(config: EngineConfig) -> bool:
    """Whether a live engine's protocol is spoken to this machine instead of the public service."""
    return config.base_url is not None and is_loopback(config.base_url)


def _is_base_url(url: str) -> bool:
    try:
        return url.startswith(("http://", "https://")) and "?" not in url and bool(fetch_url(url))
    except ValueError:
        return False
