"""One notice for everything that is gone stands out; many addresses for every picture do not."""

import pytest

from imagenet_build.download.placeholders import placeholder_multiplicities


@pytest.mark.parametrize(
    ("pictures_by_urls", "found"),
    [
        ({}, []),
        ({1: 1000}, []),
        ({1: 1000, 9: 1}, []),
        ({1: 1000, 10: 1}, [10]),
        ({1: 1000, 10: 1, 300: 1}, [10, 300]),
        ({10: 1}, [10]),
        ({9: 1}, []),
        ({50: 200}, []),
        ({49: 3, 50: 190, 51: 7}, []),
        ({4: 100, 39: 1}, []),
        ({4: 100, 40: 1}, [40]),
        ({1: 3, 200: 1}, [200]),
    ],
)
def test_what_stands_out_is_a_placeholder(pictures_by_urls, found):
    assert list(placeholder_multiplicities(pictures_by_urls, 10)) == found
