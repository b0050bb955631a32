"""Name -> engine: the one table to extend. A new engine is one file in `engines/`, one line here, one recorded page."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from imagenet_build.config.models import EngineConfig
from imagenet_build.errors import ConfigError
from imagenet_build.search.canonical_url import fetch_url
from imagenet_build.search.engine import Engine, EngineInfo
from imagenet_build.search.engines.collection import Collection
from imagenet_build.search.engines.fields import is_loopback
from imagenet_build.search.engines.openverse import DEFAULT_BASE_URL as OPENVERSE_URL
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.engines.wikimedia import DEFAULT_BASE_URL as COMMONS_URL
from imagenet_build.search.engines.wikimedia import Wikimedia


def _collection(config: EngineConfig) -> Engine:
    # Only here is the disk touched, so that looking at the table of engines needs no index.
    from imagenet_build.collection.lookup import index_id_of

    if config.index is None:
        raise ConfigError(
            "The engine collection needs `index`, the file of a caption index.",
            remedy="`imagenet-build collection index FOLDER` makes one.",
        )
    return Collection(config.index, index_id_of(config.index), config.pictures_url)


_ENGINES: dict[str, tuple[EngineInfo, Callable[[EngineConfig], Engine]]] = {
    Openverse.info.name: (Openverse.info, lambda config: Openverse(config.base_url or OPENVERSE_URL)),
    Wikimedia.info.name: (Wikimedia.info, lambda config: Wikimedia(config.base_url or COMMONS_URL)),
    Collection.info.name: (Collection.info, _collection),
}


def engine_infos() -> list[EngineInfo]:
    """What is known of each engine, in the order of the table."""
    return [info for info, _ in _ENGINES.values()]


def make_engine(config: EngineConfig) -> Engine:
    """The adapter that a configuration names.

    Raises:
        ConfigError: no engine of that name, a key that means nothing to it, a key that it needs, an unusable base_url.
    """
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
    return factory(config)


def is_local(config: EngineConfig) -> bool:
    """Whether a live engine's protocol is spoken to this machine instead of the public service."""
    return config.base_url is not None and is_loopback(config.base_url)


def _is_base_url(url: str) -> bool:
    try:
        return url.startswith(("http://", "https://")) and "?" not in url and bool(fetch_url(url))
    except ValueError:
        return False
