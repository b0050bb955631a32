"""YAML and `--set key=value` to a `BuildConfig`. Errors name the file, the key and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import ConfigError

_SAID = {
    "tuple_type": "must be a list",
    "dict_type": "must hold keys",
    "model_type": "must be a section with keys",
    "model_attributes_type": "must be a section with keys",
    "string_type": "must be a text",
    "path_type": "must be a path",
    "bool_parsing": "must be true or false",
    "invalid_key": "keys must be texts",
}
"""What pydantic's problem types mean to somebody who writes YAML."""


def load_config(path: Path | None = None, sets: Sequence[str] = ()) -> BuildConfig:
    """Read a configuration.

    Args:
        path: a YAML file; None for the defaults alone. Relative paths in it are meant from its folder.
        sets: `section.key=value` texts, applied over the file in order; values are read as YAML. Relative paths in them
            are meant from the current directory, as everywhere on a command line.
    Raises:
        ConfigError: unreadable file, unknown key, value of the wrong kind.
    """
    data: dict[str, Any] = {}
    base = Path.cwd()
    where = "the command line"
    if path is not None:
        where = f"{path} and the command line" if sets else str(path)
        base = path.resolve().parent
        data = _read_yaml(path)
    for text in sets:
        _apply_set(data, text)
    try:
        return BuildConfig.model_validate(data, context={"base": base})
    except ValidationError as error:
        raise ConfigError(_explain(error, where), remedy="configs/default.yaml lists every key.") from None


class _Loader(yaml.SafeLoader):
    """A key that stands twice is refused: the first of them would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        for place, name in enumerate(names):
            if name in names[:place]:
                problem = f"the key {name!r} stands there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or a date such as 2001-99-99
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold sections (taxonomy:, search:, ...), not a {type(data).__name__}.")
    # a section whose keys are all commented out
    return {name: section for name, section in data.items() if section is not None}


def _apply_set(data: dict[str, Any], text: str) -> None:
    """Apply one `a.b=value`.

    An engine's keys are reached by its name (`search.engines.openverse.base_url=...`), a host's by the host
    (`download.hosts.example.org.concurrency=2`).
    """
    key, equals, value_text = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"--set {text!r} must read section.key=value, for example download.min_side_px=100.")
    if parts[:2] == ["download", "hosts"] and len(parts) > 4:  # hosts have dots in their names
        parts = [*parts[:2], ".".join(parts[2:-1]), parts[-1]]
    *parents, last = parts
    node: Any = data
    for depth, part in enumerate(parents):
        if isinstance(node, list):
            node = _engine_named(node, part)
            continue
        if not isinstance(node, dict):
            raise ConfigError(f"--set {text!r}: {'.'.join(parents[:depth])} is a value, not a section.")
        if part == "engines" and not isinstance(node.get(part), list):
            node[part] = []
        if part == "hosts" and part not in node:  # one host more, not all others gone
            node[part] = BuildConfig().download.model_dump(mode="json")["hosts"]
        node = node.setdefault(part, {})
    if isinstance(node, list):
        raise ConfigError(f"--set {text!r}: name a key of the engine, for example {key}.min_delay_s=2.")
    if not isinstance(node, dict):
        raise ConfigError(f"--set {text!r}: {'.'.join(parents)} is a value, not a section.")
    value = _set_value(value_text)
    if _holds_paths(_kind_at(tuple(parts))):
        value = _from_here(value)
    elif parts[:2] == ["search", "engines"] and len(parts) == 2 and isinstance(value, list):
        value = [{**item, "index": _from_here(item["index"])} if _has_index(item) else item for item in value]
    node[last] = value


def _set_value(text: str) -> Any:
    try:
        return yaml.load(text, _Loader) if text.strip() else ""
    except (yaml.YAMLError, ValueError):
        return text


def _from_here(value: Any) -> Any:
    """Paths of the command line, absolute; an empty one means none."""
    if isinstance(value, list):
        return [_from_here(item) for item in value]
    if value == "":
        return None
    return str(Path.cwd() / Path(value).expanduser()) if isinstance(value, str) else value


def _has_index(item: Any) -> bool:
    return isinstance(item, dict) and "index" in item


def _engine_named(engines: list[Any], name: str) -> dict[str, Any]:
    for engine in engines:
        if isinstance(engine, dict) and engine.get("name") == name:
            return engine
    engine = {"name": name}
    engines.append(engine)
    return engine


def _explain(error: ValidationError, where: str) -> str:
    """Every problem in one sentence each, with the nearest known key for an unknown one."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            model = _model_in(_kind_at(problem["loc"][:-1]))
            known = list(model.model_fields) if model else []
            near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}."
            lines.append(f"unknown key {key}; {hint}")
        else:
            said = _SAID.get(problem["type"], problem["msg"].replace("Input should be", "must be"))
            lines.append(f"{key}: {said}, not {problem['input']!r}.")
    return f"In {where}: " + " ".join(lines)


def _kind_at(loc: tuple[int | str, ...]) -> Any:
    """The annotation of the key at a location (list places included); None where there is none."""
    kind: Any = BuildConfig
    for part in loc:
        model = _model_in(kind)
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif model is not None and part in model.model_fields:
            kind = model.model_fields[str(part)].annotation
        elif not isinstance(part, int) and not (get_origin(kind) is tuple and model is not None):
            return None  # a list's place, or an engine's name in its stead, leads to the list's entry
    return kind


def _model_in(kind: Any) -> type[BaseModel] | None:
    """The section that an annotation is about, alone, in a list, in a dict or beside None."""
    if get_origin(kind) is None:
        return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    found = (_model_in(part) for part in get_args(kind))
    return next((model for model in found if model is not None), None)


def _holds_paths(kind: Any) -> bool:
    return kind is Path or any(_holds_paths(part) for part in get_args(kind))
