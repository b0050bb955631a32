from __future__ import annotations

import pytest

from imagenet_build.queries.words import Mentions, Tokenizer


def place(gloss: str, term: str, mini) -> int | None:
    tokens = Tokenizer(mini.morphy)
    return Mentions(tokens(gloss)).first(tokens(term))


@pytest.mark.parametrize(
    ("gloss", "term", "expected"),
    [
        ("a small dog", "dog", 2),
        ("Dogs of all sorts", "dog", 0),
        ("wild geese", "goose", 1),
        ("the dog's tail", "dog", 1),
        ("the dog’s tail", "dog", 1),
        ("a dogma", "dog", None),
        ("a dog-like animal", "dog", None),
        ("a lap-dog", "lap-dog", 1),
        ("a lap-dog", "lap dog", None),
        ("bowed stringed instruments", "stringed instrument", 1),
        ("a bird, dog or cat", "bird dog", None),
        ("a bird; the dog", "dog", 4),
        ("", "dog", None),
        ("a dog", "", None),
        ("hunting dog dog", "dog", 1),
        ("GREYHOUND", "greyhound", 0),
    ],
)
def test_terms_are_found_as_whole_words_in_any_inflection(mini, gloss, term, expected):
    assert place(gloss, term, mini) == expected
