import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.network.robots_lines import lines_for
from imagenet_build.network.usage_preferences import forbids_training, refusing_header, usage_rules

TOKEN = "imagenet_build"


@pytest.mark.parametrize(
    ("preferences", "forbids"),
    [
        ("train-ai=n", True),
        ("search=yes, ai-train=no", True),
        ("search=yes,ai-train=no,use=reference", True),
        ("AI-Train = NO", True),
        ("train-ai=n;expires=never", True),
        ("train-ai=?0", True),
        ("train-ai=y, train-ai=n", True),
        ("train-ai=y\ntrain-ai=n", True),
        ("bots=n", True),
        ("bots=n, train-ai=y", False),
        ("bots=y, train-ai=n", True),
        ("train-ai=y", False),
        ("search=no, ai-input=no", False),
        ("ai-train=nobody", False),
        ("train-ai", False),
        ("no", False),
        ("", False),
    ],
)
def test_what_forbids(preferences, forbids):
    assert forbids_training(preferences) == forbids


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ({"content-usage": "train-ai=n"}, "Content-Usage: train-ai=n"),
        ({"content-signal": "search=yes\nai-train=no"}, "Content-Signal: search=yes ai-train=no"),
        ({"content-usage": "train-ai=y"}, None),
        ({"content-type": "train-ai=n"}, None),
        ({}, None),
    ],
)
def test_headers(headers, line):
    assert refusing_header(headers) == line


def refusal(text: str, path: str) -> str | None:
    rules = usage_rules(lines_for(text, TOKEN))
    return None if rules is None else rules.refusal(path)


DRAFT = """
User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: train-ai=y
"""
MANAGED = """
# content signals
User-agent: *
Content-Signal: search=yes,ai-train=no
Allow: /

User-agent: GPTBot
Disallow: /

User-agent: *
Disallow: /admin/
"""


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        (DRAFT, "/test", "Content-Usage: train-ai=n"),
        (DRAFT, "/ai-ok/test", None),
        (DRAFT.replace("ExampleBot", TOKEN), "/test", None),
        (MANAGED, "/a.jpg", "Content-Signal: search=yes,ai-train=no"),
        (f"{MANAGED}\nUser-agent: {TOKEN}\nAllow: /", "/a.jpg", None),
        ("Content-Signal: ai-train=no\nUser-agent: x\nAllow: /", "/a.jpg", "Content-Signal: ai-train=no"),
        ("User-agent: *\nContent-Usage: /p/ train-ai=n", "/p/a.jpg", "Content-Usage: /p/ train-ai=n"),
        ("User-agent: *\nContent-Usage: /p/ train-ai=n", "/q/a.jpg", None),
        ("User-agent: *\nContent-Usage: /*.jpg$ train-ai=n", "/q/a.jpg", "Content-Usage: /*.jpg$ train-ai=n"),
        ("User-agent: *\nContent-Usage: /*.jpg$ train-ai=n", "/q/a.jpg?x", None),
        # a longer rule that says nothing about training leaves it open
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /p/ search=n", "/p/a.jpg", None),
        # equal paths: the most restrictive counts, in either order
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: / train-ai=y", "/a", "Content-Usage: train-ai=n"),
        ("User-agent: *\nContent-Usage: / train-ai=y\nContent-Usage: train-ai=n", "/a", "Content-Usage: train-ai=n"),
        # the two vocabularies are asked one by one
        ("User-agent: *\nContent-Usage: train-ai=y\nContent-Signal: ai-train=no", "/a", "Content-Signal: ai-train=no"),
        ("User-agent: *\nContent-Usage: /p/", "/p/a", None),
        ("User-agent: *\nDisallow: /", "/a", None),
    ],
)
def test_lines_of_robots(text, path, line):
    assert refusal(text, path) == line


@given(st.text(st.sampled_from("train-aino=, ;\n?0bots"), max_size=60))
def test_any_text_is_read(text):
    if forbids_training(text):
        assert "n" in text or "?0" in text
