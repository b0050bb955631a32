import io
import itertools

import imagehash
import pytest
from PIL import Image

from tests.fakes import pictures


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_photos_are_repeatable_and_of_their_format(format):
    body = pictures.photo(5, 160, 120, format)
    assert body == pictures.photo(5, 160, 120, format)
    assert (opened(body).format, opened(body).size) == (format, (160, 120))


def test_photos_of_other_seeds_look_different():
    hashes = [imagehash.phash(pictures.photo_image(seed)) for seed in range(20)]
    assert min(a - b for a, b in itertools.combinations(hashes, 2)) > 12


def test_a_resized_photo_looks_the_same():
    image = pictures.photo_image(3, 640, 480)
    assert imagehash.phash(image) - imagehash.phash(image.resize((200, 150))) <= 4


def test_broken_and_odd_pictures_are_what_they_say(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000_000)
    with pytest.raises(OSError, match="truncated"):
        opened(pictures.truncated_jpeg()).load()
    with pytest.raises(Image.DecompressionBombError):
        opened(pictures.png_bomb())
    assert len(pictures.png_bomb()) < 2000
    assert opened(pictures.one_pixel_gif()).size == (1, 1)
    assert opened(pictures.cmyk_jpeg()).mode == "CMYK"
    assert opened(pictures.rotated_jpeg()).getexif()[0x0112] == 6
    assert opened(pictures.animated_gif(3)).n_frames == 3
    assert opened(pictures.rgba_png()).getextrema()[3] == (0, 255)
