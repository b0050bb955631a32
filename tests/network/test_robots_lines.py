import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from imagenet_build.network.robots_lines import PathPatterns, best_match, lines_for, normal_path

TOKEN = "imagenet_build"


def values(text: str) -> list[str]:
    return [value for _, value, _ in lines_for(text, TOKEN)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User-agent: *\nDisallow: /a", ["/a"]),
        ("User-agent: *\nDisallow: /a\n\nUser-agent: imagenet_build\nDisallow: /b", ["/b"]),
        ("User-agent: ImageNet_Build/1.0\nDisallow: /b\nUser-agent: *\nDisallow: /a", ["/b"]),
        ("User-agent: imagenet_build\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: *\nDisallow: /c", ["/a"]),
        ("User-agent: imagenet_build\nDisallow: /a\n\nUser-agent: imagenet_build\nDisallow: /b", ["/a", "/b"]),
        ("User-agent: x\nUser-agent: imagenet_build\nDisallow: /a", ["/a"]),
        ("User-agent: x\nUser-agent: *\nDisallow: /a", ["/a"]),
        ("User-agent: imagenet\nDisallow: /a", []),
        ("User-agent: imagenet_build_2\nDisallow: /a", []),
        ("User-agent: imagenet_build\n\nUser-agent: *\nDisallow: /a", ["/a"]),
        ("User-agent: imagenet_build\nDisallow:\nUser-agent: *\nDisallow: /a", [""]),
        ("User-agent: *\nSitemap: http://x/s.xml\nDisallow: /a # not this\n# Disallow: /b", ["/a"]),
        ("User-agent: *\nSitemap: http://x/s.xml\nUser-agent: imagenet_build\nDisallow: /a", ["/a"]),
        ("useragent *\ndisallow /a", ["/a"]),
        ("user agent: *\r\n  Disallow :  /a  \r\n", ["/a"]),
        ("Content-Signal: ai-train=no\nUser-agent: imagenet_build\nAllow: /", ["ai-train=no", "/"]),
        ("", []),
    ],
)
def test_the_lines_that_are_for_us(text, expected):
    assert values(text) == expected


def test_lines_keep_their_own_spelling():
    text = "User-Agent:*\nDISALLOW:/A B # c"
    assert lines_for(text, TOKEN) == [("disallow", "/A B", "DISALLOW:/A B")]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/a", "/a.jpg", True),
        ("/a", "/A.jpg", False),
        ("/a/", "/a", False),
        ("/*.gif$", "/x/y.gif", True),
        ("/*.gif$", "/x/y.gif?z", False),
        ("/*.gif", "/x/y.gif?z", True),
        ("/a*b*c", "/a--b--c--", True),
        ("/a*b*c$", "/a--b--c--", False),
        ("/a*a$", "/a", False),
        ("/a$", "/a", True),
        ("*", "/anything", True),
        ("/caf%C3%A9", "/caf%c3%a9/1", True),
        ("/café", "/caf%C3%A9/1", True),
        ("/%7Ea", "/~a", True),
        ("/a%2Fb", "/a/b", False),
        ("/a%2fb", "/a%2Fb", True),
        ("/a%2A", "/ab", False),
        ("/?x=", "/?x=1", True),
    ],
)
def test_matching(pattern, path, matches):
    assert (best_match([pattern], path) is not None) == matches


def test_the_longest_pattern_wins():
    assert best_match(["/", "/a/b", "/a"], "/a/b/c.jpg") == "/a/b"
    assert best_match(["/x"], "/a") is None


def test_hostile_patterns_take_no_time():
    """With a regular expression this would take longer than the universe is old."""
    assert best_match(["/" + "*a" * 5000 + "*b"], "/" + "a" * 20_000) is None


_PATHS = st.text(st.sampled_from("/ab*$.%C3A9"), max_size=12).map(lambda text: "/" + text)


@given(st.lists(_PATHS, min_size=1, max_size=4), st.text(st.sampled_from("/ab."), max_size=12))
def test_agrees_with_protego(patterns, path):
    plain = [pattern.replace("%", "").replace("$", "") for pattern in patterns]
    text = "\n".join(["User-agent: *", *(f"Disallow: {pattern}" for pattern in plain)])
    refused = not Protego.parse(text).can_fetch(f"http://example.org/{path.lstrip('/')}", TOKEN)
    assert refused == (best_match(plain, f"/{path.lstrip('/')}") is not None)


@given(st.lists(_PATHS, max_size=8), _PATHS)
def test_the_best_of_many_is_the_first_of_the_longest_that_match(patterns, path):
    matching = [pattern for pattern in patterns if best_match([pattern], path) is not None]
    expected = max(matching, key=lambda pattern: len(normal_path(pattern)), default=None)
    assert PathPatterns(patterns).best(path) == expected


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_is_read(text, path):
    best_match(values(text), path)
    assert normal_path(normal_path(path)) == normal_path(path)
