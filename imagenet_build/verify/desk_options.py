"""How pages are made, and why there may be none."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from imagenet_build.verify.task_pages import GOLD_SHARE, PAGE_SIZE


class NoPage(Enum):
    """Why there is no page."""

    NOTHING = "nothing"
    """There is nothing (more) to ask this worker, or too many pages are out."""
    SEARCHING = "searching"
    """Not yet: ask again at once. In between, others get theirs."""


@dataclass(frozen=True)
class DeskOptions:
    """How pages are made."""

    page_size: int = PAGE_SIZE
    gold_share: float = GOLD_SHARE
    second_look: float = 0.0
    """Share of a page's pictures that the worker has seen before, on average."""
    lease_s: float = 1800.0
    """After this time without answers a page's pictures are asked of others. Late answers count all the same."""
    wnids: tuple[str, ...] = ()
    """Only these, in this order; empty: all of the run."""
    images: Mapping[str, Collection[str]] = field(default_factory=dict)
    """wnid -> candidate_ids: of these synsets only these pictures are asked about."""


def random_name() -> str:
    """128 bits."""
    return secrets.token_urlsafe(16)
