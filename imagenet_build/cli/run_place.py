"""How a RUN is named on the command line: a directory, or a URL in an object store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from imagenet_build.storage.object_store import is_store_url
from imagenet_build.storage.places import Location, Place, place_of

WORK_VARIABLE = "IMAGENET_BUILD_WORK"
_WORK = f"{__name__}.work"
F = TypeVar("F", bound=Callable[..., Any])


class RunPlace(click.ParamType):  # type: ignore[type-arg] # older clicks take no argument
    """A directory, `file://…`, `s3://bucket/folder` or `gs://bucket/folder`."""

    name = "directory|url"

    def __init__(self, *, exists: bool = False, or_file: bool = False) -> None:
        """`or_file`: a file on this disk will do too."""
        self._path = click.Path(path_type=Path, file_okay=or_file, exists=exists)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Location:
        """A Path, or a Place."""
        if isinstance(value, Place):
            return value
        named = place_of(value, ctx.meta.get(_WORK) if ctx else None) if isinstance(value, str) else value
        if isinstance(named, Place):
            return named
        path: Path = self._path.convert(named, param, ctx)
        return path


class FileHere(click.Path):
    """A file on this disk; a URL is refused, for it would become a folder with that name."""

    def __init__(self, *, exists: bool = False) -> None:
        super().__init__(path_type=Path, dir_okay=False, exists=exists)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A Path."""
        if isinstance(value, str) and is_store_url(value):
            self.fail(f"{value}: a file on this machine is meant.", param, ctx)
        return super().convert(value, param, ctx)


RUN = RunPlace()
EXISTING_RUN = RunPlace(exists=True)
RUN_OR_FILE = RunPlace(exists=True, or_file=True)


def work_option(command: F) -> F:
    """The option --work."""

    def remember(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
        if value is not None:
            ctx.meta[_WORK] = value

    return click.option(
        "--work",
        type=click.Path(path_type=Path, file_okay=False),
        envvar=WORK_VARIABLE,
        is_eager=True,
        expose_value=False,
        callback=remember,
        help=f"Of a run at a URL: the local directory for its state. [or {WORK_VARIABLE}; default: below data/work]",
    )(command)
