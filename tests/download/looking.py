"""`inspect_bytes` with limits that small test pictures pass."""

from __future__ import annotations

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts, Rejection, RejectReason

ALL = DownloadConfig().formats
WRITABLE = tuple(format for format in ALL if format != "HEIF")
"""Those that Pillow can also write."""


def look(data: bytes, **limits: object) -> ImageFacts | Rejection:
    return inspect_bytes(data, **{"formats": ALL, "min_side_px": 8, "max_pixels": 10_000_000, **limits})


def facts_of(data: bytes, **limits: object) -> ImageFacts:
    found = look(data, **limits)
    assert isinstance(found, ImageFacts), found
    return found


def rejection_of(data: bytes, **limits: object) -> Rejection:
    found = look(data, **limits)
    assert isinstance(found, Rejection), found
    return found


def reason_of(data: bytes, **limits: object) -> RejectReason:
    return rejection_of(data, **limits).reason
