from __future__ import annotations

import pytest

from imagenet_build.collection.licenses import normalize_license

BY_SA_2 = ("by-sa", "2.0", "https://creativecommons.org/licenses/by-sa/2.0/")
MARK = "https://creativecommons.org/publicdomain/mark/1.0/"
ELSEWHERE = "https://example.org/creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("https://creativecommons.org/licenses/by-sa/2.0/", "", ""), BY_SA_2),
        (("", "", "http://www.creativecommons.org/licenses/by-sa/2.0/legalcode"), BY_SA_2),
        (("by-sa", "2.0", ""), BY_SA_2),
        (("cc-by-sa-2.0", "", ""), BY_SA_2),
        (("CC_BY_SA", "2.0", ""), BY_SA_2),
        (("CC0", "1.0", ""), ("cc0", "1.0", "https://creativecommons.org/publicdomain/zero/1.0/")),
        (("", "", f"{MARK}deed.nl"), ("pdm", "1.0", MARK)),
        (("?", "", ""), ("unknown", "", "")),
        (("by-xx", "", ""), ("unknown", "", "")),
        (("", "", ELSEWHERE), ("unknown", "", ELSEWHERE)),
    ],
)
def test_licenses_are_read_and_never_guessed(given: tuple[str, str, str], expected: tuple[str, str, str]) -> None:
    assert normalize_license(*given) == expected
