"""Pictures and broken pictures for tests, the same bytes for the same arguments."""

from __future__ import annotations

import io
import struct
import zlib
from functools import lru_cache

import numpy as np
from PIL import Image

JPEG = "JPEG"


def photo_image(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """An RGB picture with a photograph's spectrum: much energy in large shapes, little in fine noise.

    Different seeds give pictures that perceptual hashes tell apart.
    """
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), dtype=np.float64)
    for cells, weight in ((3, 90.0), (6, 45.0), (12, 22.0), (24, 11.0)):
        coarse = rng.uniform(-1.0, 1.0, (cells, cells, 3)).astype(np.float32)
        layers = [
            np.asarray(Image.fromarray(coarse[:, :, channel]).resize((width, height), Image.Resampling.BICUBIC))
            for channel in range(3)
        ]
        pixels += weight * np.stack(layers, axis=-1)
    pixels += rng.normal(0.0, 3.0, pixels.shape)
    return Image.fromarray(np.clip(pixels + 128.0, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str = JPEG, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **({"quality": 90} if format == JPEG else {}), **options)
    return buffer.getvalue()


@lru_cache(maxsize=256)  # every world shows the same hundred, and making them took most of a second
def photo(seed: int, width: int = 320, height: int = 240, format: str = JPEG) -> bytes:
    """`photo_image` as a file; JPEG, PNG, WEBP, GIF, BMP or TIFF."""
    return encoded(photo_image(seed, width, height), format)


def truncated_jpeg(seed: int = 1, kept: float = 0.5) -> bytes:
    """A JPEG whose last part is missing; the header is intact."""
    whole = photo(seed)
    return whole[: int(len(whole) * kept)]


def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A small PNG whose header announces a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 16), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def one_pixel_gif() -> bytes:
    return encoded(Image.new("P", (1, 1)), "GIF")


def cmyk_jpeg(seed: int = 1) -> bytes:
    return encoded(photo_image(seed).convert("CMYK"))


def rotated_jpeg(seed: int = 1, orientation: int = 6) -> bytes:
    """`photo_image(seed)` with an EXIF orientation: viewers turn it (6: by 90° clockwise)."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(photo_image(seed), exif=exif)


def animated_gif(frames: int = 3) -> bytes:
    images = [photo_image(seed, 120, 90) for seed in range(1, frames + 1)]
    return encoded(images[0], "GIF", save_all=True, append_images=images[1:], duration=100, loop=0)


def rgba_png(seed: int = 1) -> bytes:
    """A cut-out: an opaque disc of a photograph on nothing."""
    image = photo_image(seed).convert("RGBA")
    y, x = np.mgrid[0 : image.height, 0 : image.width]
    radius = min(image.size) * 0.4
    inside = (x - image.width / 2) ** 2 + (y - image.height / 2) ** 2 < radius**2
    image.putalpha(Image.fromarray((inside * 255).astype(np.uint8)))
    return encoded(image, "PNG")


def jpeg_with_html(seed: int = 1) -> bytes:
    """A polyglot: a good JPEG with a web page behind its end."""
    return photo(seed) + b"<!doctype html><html><body>not a picture</body></html>"
