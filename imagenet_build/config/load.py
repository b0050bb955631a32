"""YAML and `--set key=value` to a `BuildConfig`. Errors name the file, the key and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import ConfigError


def load_config(path: Path | None = None, sets: Sequence[str] = ()) -> BuildConfig:
    """Read a configuration.

    Args:
        path: a YAML file; None for the defaults alone.
        sets: `section.key=value` texts, applied over the file in order; values are read as YAML.
    Raises:
        ConfigError: unreadable file, unknown key, value of the wrong kind.
    """
    data: dict[str, Any] = {}
    base = Path.cwd()
    where = "the command line"
    if path is not None:
        where = str(path)
        base = path.resolve().parent
        data = _read_yaml(path)
    for text in sets:
        _apply_set(data, text)
    try:
        return BuildConfig.model_validate(data, context={"base": base})
    except ValidationError as error:
        raise ConfigError(_explain(error, where), remedy="configs/default.yaml lists every key.") from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold sections (taxonomy:, search:, ...), not a {type(data).__name__}.")
    return data


def _apply_set(data: dict[str, Any], text: str) -> None:
    """Apply one `a.b=value`; an engine's keys are reached by its name (`search.engines.openverse.base_url=...`)."""
    key, equals, value_text = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text!r} must read section.key=value, for example download.min_side_px=100.")
    try:
        value = yaml.safe_load(value_text) if value_text.strip() else ""
    except yaml.YAMLError:
        value = value_text
    *parents, last = key.strip().split(".")
    node: Any = data
    for depth, part in enumerate(parents):
        if isinstance(node, list):
            node = _engine_named(node, part)
            continue
        if not isinstance(node, dict):
            raise ConfigError(f"--set {text!r}: {'.'.join(parents[:depth])} is a value, not a section.")
        if part == "engines" and not isinstance(node.get(part), list):
            node[part] = []
        node = node.setdefault(part, {})
    if isinstance(node, list):
        node = _engine_named(node, last)
        raise ConfigError(f"--set {text!r}: name a key of the engine, for example {key}.min_delay_s=2.")
    if not isinstance(node, dict):
        raise ConfigError(f"--set {text!r}: {'.'.join(parents)} is a value, not a section.")
    node[last] = value


def _engine_named(engines: list[Any], name: str) -> dict[str, Any]:
    for engine in engines:
        if isinstance(engine, dict) and engine.get("name") == name:
            return engine
    engine = {"name": name}
    engines.append(engine)
    return engine


def _explain(error: ValidationError, where: str) -> str:
    """Every problem in one line each, with the nearest known key for an unknown one."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = _known_keys(problem["loc"][:-1])
            near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}."
            lines.append(f"unknown key {key}; {hint}")
        else:
            lines.append(f"{key}: {problem['msg'].lower()}, not {problem['input']!r}.")
    return f"In {where}: " + " ".join(lines)


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """The keys of the section that a location leads to."""
    model: Any = BuildConfig
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        nested = [annotation, *getattr(annotation, "__args__", ())]
        found = [kind for kind in nested if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not found:
            return []
        model = found[0]
    return list(model.model_fields)
