import pytest

from imagenet_build.search.engines.gone import GONE
from imagenet_build.search.registry import engine_infos


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bing", ("2025-08-11", "webiq")),
        ("baidu", ("Baidu", "no official interface")),
        ("duckduckgo", ("DuckDuckGo", "no official interface")),
        ("qwant", ("Qwant", "no official interface")),
        ("google_images", ("google", "serpapi")),
    ],
)
def test_user_is_told_why_and_what_instead(name, said):
    assert all(words in GONE[name] for words in said)


def test_no_name_is_both_gone_and_there():
    assert not GONE.keys() & {info.name for info in engine_infos()}
