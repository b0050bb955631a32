"""EDGE: pages for workers elsewhere, composed of what is worth asking, and their pictures as files."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from urllib.parse import quote

from imagenet_build.download.signatures import EXTENSIONS
from imagenet_build.errors import ConfigError
from imagenet_build.storage.tables import write_whole
from imagenet_build.verify.run_pictures import SynsetText, for_browser, read_picture
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.vote_store import TaskPage

_NOBODY = ""


@dataclass(frozen=True)
class Question:
    """A page with everything that is shown."""

    page: TaskPage
    text: SynsetText
    urls: tuple[str, ...]
    """Where each picture is to be had."""


def compose(desk: Desk, source: str, most_pages: int | None = None, *, one_each: bool = False) -> list[TaskPage]:
    """Pages that show every picture worth another vote once; they are in the journal when this returns.

    Args:
        desk: of the run.
        source: mturk, label-studio, csv.
        most_pages: stop after so many.
        one_each: make a page of every picture, for tools that show one at a time.
    """
    pages: list[TaskPage] = []
    for wnid in desk.wnids:
        while most_pages is None or len(pages) < most_pages:
            page = desk.compose(wnid, _NOBODY, source)
            if page is None:
                break
            pages.append(page)
    if one_each:
        pages = [single for page in pages for single in _singles(page)]
    desk.journal.give(pages)
    return pages


def _singles(page: TaskPage) -> Iterator[TaskPage]:
    for position, image in enumerate(page.images):
        gold = {0: page.gold[position]} if position in page.gold else {}
        yield replace(page, page=secrets.token_urlsafe(16), images=(image,), gold=gold)


def questions(
    desk: Desk, pages: Collection[TaskPage], base_url: str | None, pictures_out: Path | None
) -> Iterator[Question]:
    """Pages with texts and addresses of their pictures.

    Args:
        base_url: where the files of `pictures_out` will be served; None: the addresses that the pictures came from.
        pictures_out: a folder to write the pictures to, under names that tell nothing.
    Raises:
        ConfigError: one of the two without the other.
    """
    if (base_url is None) != (pictures_out is None):
        raise ConfigError(
            "--base-url and --pictures belong together.",
            remedy="--pictures DIR writes the picture files; --base-url says where you will serve that folder.",
        )
    for page in pages:
        text = desk.texts.get(page.wnid) or SynsetText(page.wnid, page.wnid, (page.wnid,), "", (), ())
        urls = []
        for position, image in enumerate(page.images):
            held = desk.pictures(image.split("_", 1)[0])
            place = held.place[image]
            if pictures_out is None or base_url is None:
                urls.append(str(held.urls[place]))
                continue
            data, kind = for_browser(read_picture(desk.layout, held.ref(place)), str(held.formats[place]))
            suffix = next((EXTENSIONS[name] for name in EXTENSIONS if kind.endswith(name.lower())), "jpg")
            name = f"{page.page}/{position}.{suffix}"
            _write_bytes(pictures_out / name, data)
            urls.append(f"{base_url.rstrip('/')}/{quote(name)}")
        yield Question(page, text, tuple(urls))


def _write_bytes(path: Path, data: bytes) -> None:
    def write(out: IO[bytes]) -> None:
        out.write(data)

    write_whole(path, write)
