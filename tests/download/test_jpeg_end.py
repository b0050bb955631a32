"""A JPEG whose data break off, and one that is grey at its lower edge because somebody framed it so."""

import io

import pytest
from PIL import ImageOps

from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts, Rejection, RejectReason
from tests.fakes.pictures import encoded, photo_image

FORMATS = ("JPEG",)


def inspected(data: bytes) -> ImageFacts | Rejection:
    return inspect_bytes(data, formats=FORMATS, min_side_px=1, max_pixels=10**8)


@pytest.mark.parametrize("border", [5, 8, 9, 11, 16, 25])
@pytest.mark.parametrize("size", [(150, 214), (153, 211), (420, 300), (900, 700)])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_grey_border_is_no_missing_part(border, size, subsampling):
    framed = ImageOps.expand(photo_image(4, *size), border, "#808080")
    assert isinstance(inspected(encoded(framed, subsampling=subsampling)), ImageFacts)


@pytest.mark.parametrize("kept", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("size", [(150, 214), (420, 300), (900, 700)])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_data_that_break_off_before_the_end_marker_are_found(kept, size, subsampling):
    whole = encoded(photo_image(4, *size), subsampling=subsampling)
    found = inspected(whole[: int(len(whole) * kept)] + b"\xff\xd9")
    assert isinstance(found, Rejection)
    assert found.reason is RejectReason.TRUNCATED


def test_a_grey_picture_is_a_picture():
    buffer = io.BytesIO()
    photo_image(4).point([128] * 768).save(buffer, "JPEG")
    assert isinstance(inspected(buffer.getvalue()), ImageFacts)
