"""A run remembers its configuration, and one process at a time writes it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from imagenet_build import __version__
from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import ConfigChanged, DataError, RunInUse
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.object_store import StoredObject
from imagenet_build.storage.places import Location, Place
from imagenet_build.storage.store_session import writing_store
from imagenet_build.storage.tables import write_whole
from imagenet_build.storage.work_directory import owner_of

RUN_FORMAT = 1


def config_hash(config: BuildConfig) -> str:
    """Digest of the part of a configuration that decides about rows (`free` keys do not)."""
    text = json.dumps(_deciding(BuildConfig, config.as_yaml_data()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _deciding(model: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """A section without its `free` keys."""
    kept: dict[str, Any] = {}
    for name, value in data.items():
        if change_rule(model, name) == "free":
            continue
        nested = _section_of(model, name)
        if nested and isinstance(value, dict):
            kept[name] = _deciding(nested, value)
        elif nested and isinstance(value, list):
            kept[name] = [_deciding(nested, item) for item in value]
        else:
            kept[name] = value
    return kept


def change_rule(model: type[BaseModel], name: str) -> str:
    """`free`, `grow` or `fixed`: what a resumed run may do with a key."""
    extra = model.model_fields[name].json_schema_extra
    return str(extra.get("change", "fixed")) if isinstance(extra, dict) else "fixed"


def _section_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    annotation = model.model_fields[name].annotation
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def differences(old: BuildConfig, new: BuildConfig) -> list[str]:
    """The changes that would make old rows wrong, one `key: old -> new` each; empty if the run may go on."""
    return list(_differences(BuildConfig, old.as_yaml_data(), new.as_yaml_data(), ""))


def _differences(model: type[BaseModel], old: dict[str, Any], new: dict[str, Any], prefix: str) -> Iterator[str]:
    for name in model.model_fields:
        rule, before, after = change_rule(model, name), old.get(name), new.get(name)
        nested = _section_of(model, name)
        if rule == "free":
            continue
        if nested and isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(nested, before, after, f"{prefix}{name}.")
        elif rule == "grow" and isinstance(before, list) and isinstance(after, list):
            names_before = [item["name"] if isinstance(item, dict) else item for item in before]
            names_after = [item["name"] if isinstance(item, dict) else item for item in after]
            gone = [item for item in names_before if item not in names_after]
            if gone:
                yield f"{prefix}{name}: {', '.join(map(str, gone))} taken away"
            elif [item for item in names_after if item in names_before] != names_before:
                yield f"{prefix}{name}: order changed from {', '.join(map(str, names_before))}"
        elif before != after:
            yield f"{prefix}{name}: {before!r} -> {after!r}"


@contextlib.contextmanager
def writing(root: Location, config: BuildConfig) -> Iterator[RunLayout]:
    """Own a run: make it or resume it, locked against other writers until the end of the block.

    Raises:
        RunInUse: another process writes this run.
        ConfigChanged: the run was made with a configuration that this one contradicts.
        DataError: the folder holds something that is no run, or a run of another format.
        StoreUnusable: the run lies in an object store that refuses or fails.
    """
    layout = RunLayout(root)
    if isinstance(root, Path):
        if root.exists() and not layout.run_record.exists() and not all(_ours(item) for item in root.iterdir()):
            raise DataError(
                f"{root} exists and is not a run of this program.", remedy="Choose another --out directory."
            )
        root.mkdir(parents=True, exist_ok=True)
    with _locked(root), storing(layout, config):
        if layout.run_record.exists():
            _check_unchanged(layout, config)
        elif isinstance(root, Place) and not all(map(_ours_stored, root.run.store.list("", recursive=False))):
            raise DataError(f"{root} holds files and is no run of this program.", remedy="Choose another --out.")
        _clear_unfinished(layout)
        _write_record(layout, config)
        yield layout


@contextlib.contextmanager
def storing(layout: RunLayout, config: BuildConfig | None = None) -> Iterator[None]:
    """Own what is stored of a run while votes and verdicts are written. Of a run on a disk nobody need own these.

    Args:
        layout: a run.
        config: its configuration; None: as it says itself.
    Raises:
        RunInUse: another process or machine writes the run. StoreUnusable: the store refuses.
    """
    root = layout.root
    if isinstance(root, Place):
        with contextlib.ExitStack() as held:
            if config is None:
                held.enter_context(_locked(root))
            held.enter_context(writing_store(root.run, (config or read_config(layout)).storage))
            yield
    else:
        yield


@contextlib.contextmanager
def _locked(root: Location) -> Iterator[None]:
    """Against other processes of this machine."""
    work = root.run.work if isinstance(root, Place) else root
    if isinstance(root, Place):
        owner_of(work)
    with (work / "run.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunInUse(f"Another process is writing {root}.", remedy="Wait for it, or stop it first.") from None
        yield


def _ours(item: Path) -> bool:
    """What a build that was killed in its first moments leaves: the lock, and run.json half written aside."""
    return item.name == "run.lock" or (item.name.startswith(".run.json.") and item.name.endswith(".part"))


def _ours_stored(item: StoredObject) -> bool:
    """Likewise in a store."""
    return item.key in ("snapshot.json", "config.yaml")


def _clear_unfinished(layout: RunLayout) -> None:
    """Remove what killed writers left aside (`tables.write_whole`); nobody else writes here now."""
    for folder in (layout.root, layout.manifests, layout.root / "dedup", layout.verdicts):
        if isinstance(folder, Path):
            for unfinished in folder.glob(".*.part"):
                unfinished.unlink(missing_ok=True)


def _check_unchanged(layout: RunLayout, config: BuildConfig) -> None:
    changed = differences(read_config(layout), config)
    if changed:
        raise ConfigChanged(
            f"{layout.root} was built with another configuration: {'; '.join(changed)}.",
            remedy="Old rows would be wrong. Build into another --out directory, or undo the change.",
        )


def _write_record(layout: RunLayout, config: BuildConfig) -> None:
    record = {
        "format": RUN_FORMAT,
        "program": f"imagenet_build {__version__}",
        "config_hash": config_hash(config),
        "config": config.as_yaml_data(),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if not layout.run_record.exists() or layout.run_record.read_text(encoding="utf-8") != text:
        write_whole(layout.run_record, lambda out: _write_text(out, text))
        plain = yaml.safe_dump(config.as_yaml_data(), allow_unicode=True, sort_keys=False)
        write_whole(layout.config_copy, lambda out: _write_text(out, plain))


def _write_text(out: Any, text: str) -> None:
    out.write(text.encode("utf-8"))


def read_config(layout: RunLayout) -> BuildConfig:
    """The configuration of a run.

    Raises:
        DataError: the directory is no run, or one of another format. StoreUnusable: there is no such bucket.
    """
    try:
        record = json.loads(layout.run_record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if isinstance(layout.root, Place):
            layout.root.run.store.check_bucket()
        raise DataError(
            f"{layout.root} is not a run: it has no run.json.", remedy="Name the --out directory of a build."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{layout.run_record} cannot be read: {error}") from None
    made = record.get("format") if isinstance(record, dict) else None
    if made != RUN_FORMAT:
        raise DataError(f"{layout.root} has run format {made}; this program reads format {RUN_FORMAT}.")
    try:
        return BuildConfig.model_validate(record["config"])
    except (ValidationError, KeyError) as error:
        raise DataError(
            f"{layout.run_record} holds a configuration that this version does not know: {error}",
            remedy="Use the version of the program that made the run, or build into another --out directory.",
        ) from None
