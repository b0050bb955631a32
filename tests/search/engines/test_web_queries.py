import pytest

from imagenet_build.search.engines.web_queries import google_language, literal_text


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("dog", "dog"),
        ("St. John's wort", "St. John's wort"),
        ("jack-o'-lantern", "jack-o'-lantern"),
        ("-cat +dog", "cat dog"),
        ("this OR that", "this that"),
        ("oratorio", "oratorio"),
        ("1..9", "1 9"),
        ("filetype:svg", "filetype svg"),
        ('""', '""'),
        ("小提琴", "小提琴"),
    ],
)
def test_text_is_literal(text, sent):
    assert literal_text(text) == sent


def test_language_that_was_not_to_be_asked():
    with pytest.raises(KeyError):
        google_language("lat", restrict=True)
