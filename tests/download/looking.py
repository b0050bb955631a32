"""`inspect_bytes` with limits that small test pictures pass."""

from __future__ import annotations

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts, Rejection, RejectReason

ALL = DownloadConfig().formats


def look(data: bytes, **limits: object) -> ImageFacts | Rejection:
    return inspect_bytes(data, **{"formats": ALL, "min_side_px": 8, "max_pixels": 10_000_000, **limits})


def facts_of(data: bytes, **limits: object) -> ImageFacts:
    found = look(data, **limits)
    assert isinstance(found, ImageFacts), found
    return found


def reason_of(data: bytes, **limits: object) -> RejectReason:
    found = look(data, **limits)
    assert isinstance(found, Rejection), found
    return found.reason
