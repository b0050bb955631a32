import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.licenses import CC_CODES, LicenseTerms, is_license_code, license_from_url, normalize_license

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("given_text", "terms"),
    [
        (("by-sa", "2.0", f"{CC}/licenses/by-sa/2.0/"), ("by-sa", "2.0", f"{CC}/licenses/by-sa/2.0/")),
        (("by-nc-nd", "4.0"), ("by-nc-nd", "4.0", f"{CC}/licenses/by-nc-nd/4.0/")),
        (("by", ""), ("by", "", "")),
        (("cc0", "1.0"), ("cc0", "1.0", f"{CC}/publicdomain/zero/1.0/")),
        (("pdm", "1.0", f"{CC}/publicdomain/mark/1.0/"), ("pdm", "1.0", f"{CC}/publicdomain/mark/1.0/")),
        (("pdm", ""), ("pdm", "", "")),
        (("sampling+", "1.0"), ("sampling+", "1.0", f"{CC}/licenses/sampling+/1.0/")),
        (("nc-sampling+", "1.0"), ("nc-sampling+", "1.0", f"{CC}/licenses/nc-sampling+/1.0/")),
    ],
)
def test_openverse_spellings_are_kept(given_text, terms):
    assert normalize_license(*given_text) == terms


@pytest.mark.parametrize(
    ("name", "url", "terms"),
    [
        ("cc-by-sa-4.0", f"{CC}/licenses/by-sa/4.0", ("by-sa", "4.0", f"{CC}/licenses/by-sa/4.0/")),
        ("cc-by-2.5", "", ("by", "2.5", f"{CC}/licenses/by/2.5/")),
        ("cc-by-sa-3.0-de", "", ("by-sa", "3.0", f"{CC}/licenses/by-sa/3.0/de/")),
        (
            "cc-by-sa-3.0-de",
            "http://creativecommons.org/licenses/by-sa/3.0/de/deed.en",
            ("by-sa", "3.0", f"{CC}/licenses/by-sa/3.0/de/"),
        ),
        ("cc-by-sa-3.0,2.5,2.0,1.0", "", ("by-sa", "3.0", f"{CC}/licenses/by-sa/3.0/")),
        ("cc-by-sa-3.0-migrated", "", ("by-sa", "3.0", f"{CC}/licenses/by-sa/3.0/")),
        (
            "cc0",
            "http://creativecommons.org/publicdomain/zero/1.0/deed.en",
            ("cc0", "1.0", f"{CC}/publicdomain/zero/1.0/"),
        ),
        ("cc-zero", "", ("cc0", "1.0", f"{CC}/publicdomain/zero/1.0/")),
        ("pd", "", ("pdm", "", "")),
        ("pd-usgov-nasa", "", ("usgov", "", "")),
        ("CC BY-SA 4.0", "", ("by-sa", "4.0", f"{CC}/licenses/by-sa/4.0/")),
        ("CC_BY_NC_4_0", "", ("by-nc", "4.0", f"{CC}/licenses/by-nc/4.0/")),
        ("Public domain", "", ("pdm", "", "")),
        ("GFDL", "http://www.gnu.org/copyleft/fdl.html", ("unknown", "", "http://www.gnu.org/copyleft/fdl.html")),
        ("template-x", f"{CC}/licenses/by/3.0/", ("by", "3.0", f"{CC}/licenses/by/3.0/")),
        ("", f"{CC}/licenses/by/3.0/", ("by", "3.0", f"{CC}/licenses/by/3.0/")),
        (f"{CC}/licenses/by/3.0/", "", ("by", "3.0", f"{CC}/licenses/by/3.0/")),
        ("cc-by-4.0", "https://example.org/terms", ("by", "4.0", "https://example.org/terms")),
        ("All rights reserved", "", ("arr", "", "")),
        ("", "", ("unknown", "", "")),
        ("by-xx-4.0", "", ("unknown", "", "")),
        ("nc-4.0", "", ("unknown", "", "")),
        ("attribution", "", ("unknown", "", "")),
        ("bye", "", ("unknown", "", "")),
    ],
)
def test_commons_and_other_spellings(name, url, terms):
    assert normalize_license(name, "", url) == terms


@pytest.mark.parametrize(
    ("url", "code", "version"),
    [
        ("http://creativecommons.org/licenses/by-nc/4.0/legalcode", "by-nc", "4.0"),
        ("https://www.creativecommons.org/licenses/by/2.0/deed.de", "by", "2.0"),
        ("creativecommons.org/licenses/by/2.0", "by", "2.0"),
        ("//creativecommons.org/licenses/by-nd-nc/1.0/", "by-nc-nd", "1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0", "pdm", "1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/legalcode", "cc0", "1.0"),
        ("https://creativecommons.org/licenses/publicdomain/", "pdm", ""),
        ("https://creativecommons.org/licenses/nc-sa/1.0/", "unknown", ""),
        ("https://creativecommons.org/about", "unknown", ""),
        ("https://example.org/creativecommons.org/licenses/by/4.0/", "unknown", ""),
        ("https://creativecommons.org.example.org/licenses/by/4.0/", "unknown", ""),
        ("http://[", "unknown", ""),
    ],
)
def test_urls(url, code, version):
    assert license_from_url(url)[:2] == (code, version)


@given(st.text(max_size=40), st.text(max_size=5), st.text(max_size=40))
def test_any_text_gives_a_code_of_the_vocabulary(name, version, url):
    assert is_license_code(normalize_license(name, version, url).code)


@given(st.sampled_from(sorted(CC_CODES)), st.sampled_from(["1.0", "2.0", "2.5", "3.0", "4.0"]), st.booleans())
def test_result_is_a_fixed_point(code, version, with_url):
    once = normalize_license(code, version)
    assert once.code == code
    assert normalize_license(once.code, once.version, once.url if with_url else "") == once
    assert license_from_url(once.url) == once


def test_site_licences_are_codes():
    assert is_license_code("site:pixabay")
    assert not is_license_code("site:")
    assert not is_license_code("CC BY")
    assert normalize_license("site:pixabay") == LicenseTerms("site:pixabay")
