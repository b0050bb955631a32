"""Pure: the lane of a URL, and the rule of a lane."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from imagenet_build.config.models import DownloadConfig, HostRule
from imagenet_build.network.host_lanes import host_of

LOCAL = "(this disk)"
"""The lane of file: URLs."""
_LOCAL_RULE = HostRule(min_delay_s=0.0, concurrency=4)


def lane_of(url: str) -> str:
    """Its host, or this disk."""
    return LOCAL if url[:5].lower() == "file:" else host_of(url)


def rules_of(config: DownloadConfig) -> Callable[[str], HostRule]:
    """The rule of a lane: named with its port, by its name alone, or the default."""

    def rule_of(host: str) -> HostRule:
        if host == LOCAL:
            return _LOCAL_RULE
        named = config.hosts.get(host) or config.hosts.get(urlsplit(f"//{host}").hostname or host)
        return named or config.default_host

    return rule_of
