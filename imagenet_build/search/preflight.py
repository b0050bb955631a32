"""What can be known wrong of the engines before the first request."""

from __future__ import annotations

from imagenet_build.config.models import BuildConfig, EngineConfig
from imagenet_build.errors import ConfigError
from imagenet_build.licenses import LICENSE_CODES, is_license_code
from imagenet_build.search.engine import EngineInfo
from imagenet_build.search.keys import keys_at_hand
from imagenet_build.search.registry import is_local, make_engine


def check_engines(config: BuildConfig) -> list[str]:
    """Refuse a configuration whose engines cannot work.

    Returns:
        Notices of the engines that a user must know (one ends soon, one moves).
    Raises:
        ConfigError: no engine, an unknown one, one twice, a live one without an operator's contact, one without its
            key, or one whose terms forbid this use and were not accepted.
    """
    names = [engine.name for engine in config.search.engines]
    if not names:
        raise ConfigError(
            "No engine is configured.", remedy="Name one: --engine openverse, or search.engines in the configuration."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"search.engines names {', '.join(twice)} more than once.")
    unknown = [code for code in config.search.licenses if not is_license_code(code)]
    if unknown:
        raise ConfigError(
            f"search.licenses holds {', '.join(unknown)}, which is no licence code.",
            remedy=f"Codes are {', '.join(sorted(LICENSE_CODES))}, and site:<engine>.",
        )
    infos = [check_engine(engine_config, config) for engine_config in config.search.engines]
    return [f"{info.name}: {info.notice}" for info in infos if info.notice]


def check_engine(entry: EngineConfig, config: BuildConfig) -> EngineInfo:
    """Refuse one engine that cannot work, whatever the others are.

    Raises:
        ConfigError: unknown, live without an operator's contact, without its key, or terms that forbid this use and
            were not accepted.
    """
    info = make_engine(entry, config.search.licenses, config.search.keys_file).info
    if info.is_live and not is_local(entry) and not config.network.contact:
        raise ConfigError(
            f"{info.name} is a live service: it must be able to reach whoever runs this crawl.",
            remedy="Set network.contact, --contact or IMAGENET_BUILD_CONTACT to your mail address or web page.",
        )
    if info.prohibition and not entry.accept_terms:
        raise ConfigError(
            f"{info.name}: {info.prohibition}",
            remedy=f"If you hold a permission, set accept_terms: true for {info.name}; else leave it out.",
        )
    missing = keys_at_hand(info.keys, config.search.keys_file).missing(info.keys)
    if missing:
        raise ConfigError(
            f"{info.name} needs {' and '.join(missing)}.",
            remedy=f"Set {'them' if len(missing) > 1 else 'it'} in the environment or in search.keys_file.",
        )
    return info
