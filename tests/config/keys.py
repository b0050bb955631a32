"""Every key of the configuration, as a user would write it, with the rule that a resumed run follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from imagenet_build.config.models import BuildConfig
from imagenet_build.storage.run_record import change_rule


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation is about, whatever it is wrapped in."""
    if get_origin(annotation) is None:
        return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return next(filter(None, map(section_in, get_args(annotation))), None)


def rules(model: type[BaseModel] = BuildConfig, prefix: str = "", above: str = "fixed") -> Iterator[tuple[str, str]]:
    """(dotted key, free | grow | fixed) of every key and section; `*` stands for an entry of a list or table."""
    for name, field in model.model_fields.items():
        rule = "free" if above == "free" else change_rule(model, name)
        yield f"{prefix}{name}", rule
        section = section_in(field.annotation)
        if section is not None:
            entry = "" if field.annotation is section else "*."
            yield from rules(section, f"{prefix}{name}.{entry}", rule)


def single_keys() -> dict[str, str]:
    """The keys that hold a value of their own, entries of lists left out."""
    every = dict(rules())
    sections = {key.rpartition(".")[0] for key in every}
    return {key: rule for key, rule in every.items() if key not in sections and "*" not in key} | {
        key: rule for key, rule in every.items() if f"{key}.*" in sections
    }
