"""EDGE: the demo's pictures: Debian's package tuxpaint-stamps-default, fetched and unpacked without installing it.

About 800 cut-outs (PNG) with captions in many languages beside them. Some re-encoded and resized copies are put beside
the originals, so that finding duplicates has work to do.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image as PillowImage

from imagenet_build.errors import SourceError
from imagenet_build.network.package_tools import unpack_debian_package

PACKAGE = "tuxpaint-stamps-default"
_STAMPS = Path("usr/share/tuxpaint/stamps")
_COPY_ONE_IN = 10
"""Every tenth picture, chosen by the digest of its name, gets a copy."""

Say = Callable[[str], None]


def has_apt() -> bool:
    """Whether this machine can fetch and unpack Debian packages."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def fetch_stamps(folder: Path, say: Say) -> Path:
    """A folder with the stamps and their copies, made once; safe to interrupt and repeat.

    Args:
        folder: where it is kept; `pictures/` below it is the result.
        say: is told what happens.
    Raises:
        SourceError: the package cannot be fetched or unpacked.
    """
    ready = folder / "pictures"
    if ready.is_dir():
        return ready
    work = folder / "unpacking"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    say(f"fetching Debian's package {PACKAGE} (161 MB; it is unpacked, not installed)")
    try:
        unpacked = unpack_debian_package(PACKAGE, work)
    except SourceError as error:
        raise SourceError(
            f"The demo's pictures cannot be fetched: {error.message}",
            source="apt",
            remedy="Check the network, or give captioned pictures of your own: --photos DIR.",
        ) from None
    made = work / "pictures"
    (unpacked / _STAMPS).rename(made)
    for note in (unpacked / "usr/share/doc" / PACKAGE).glob("copyright*"):
        shutil.copy(note, folder / note.name)
    copies = make_copies(made, made / "copies")
    say(f"made {copies} re-encoded and resized copies, served under other URLs, so that dedup has work")
    made.rename(ready)
    shutil.rmtree(work)
    return ready


def make_copies(originals: Path, copies: Path) -> int:
    """JPEG copies of some PNG pictures, on white, at three quarters of their size, with the captions of the originals.

    Returns:
        How many; the choice depends on file names only.
    """
    count = 0
    for original in sorted(originals.rglob("*.png")):
        captions = original.with_suffix(".txt")
        name = original.relative_to(originals).as_posix()
        if not captions.exists() or hashlib.sha256(name.encode()).digest()[0] % _COPY_ONE_IN:
            continue
        with PillowImage.open(original, formats=["PNG"]) as opened:
            layered = opened.convert("RGBA")
        ground = PillowImage.new("RGBA", layered.size, (255, 255, 255, 255))
        flat = PillowImage.alpha_composite(ground, layered).convert("RGB")
        size = (max(1, flat.width * 3 // 4), max(1, flat.height * 3 // 4))
        target = copies / name.replace(".png", ".jpg")
        target.parent.mkdir(parents=True, exist_ok=True)
        flat.resize(size, PillowImage.Resampling.LANCZOS).save(target, quality=82)
        shutil.copy(captions, target.with_suffix(".txt"))
        count += 1
    return count
