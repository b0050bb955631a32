"""Pure: the settings of a run as its report tells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagenet_build.config.models import BuildConfig

PRIVATE = frozenset({"network.contact", "search.keys_file"})
"""Keys that no page repeats."""
_LONGEST_VALUE = 300


def settings_of(config: BuildConfig) -> tuple[tuple[str, str], ...]:
    """The keys that differ from their defaults, with values as JSON; without those that are nobody else's business."""
    plain = _flat(BuildConfig().as_yaml_data())
    return tuple(
        (key, _shortened(json.dumps(_told(value), ensure_ascii=False)))
        for key, value in _flat(config.as_yaml_data()).items()
        if key not in PRIVATE and plain.get(key) != value
    )


def _told(value: Any) -> Any:
    """Without what is not set in lists of sections; of paths only the last part, for they are this machine's."""
    if isinstance(value, str) and value.startswith("/"):
        return Path(value).name
    if isinstance(value, list):
        return [_told(item) for item in value]
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items() if item not in (None, False, [], {})}
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
