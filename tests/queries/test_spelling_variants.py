from __future__ import annotations

import pytest

from imagenet_build.queries.spelling_variants import Compounds, other_side

NOUNS = {
    *("sheep", "dog", "fish", "grass", "snake", "blue", "bird", "pipe", "wrench", "car", "pet", "ox", "muskox", "musk"),
    *(
        "sheepfold",
        "fold",
        "sheepskin",
        "skin",
        "sheeprun",
        "run",
        "bulldog",
        "bull",
        "lapdog",
        "lap",
        "watchdog",
        "watch",
    ),
    *("bluefold", "blueskin", "bluerun", "grassfold", "grassskin", "grassrun", "bullsnake", "lapsnake", "watchsnake"),
    *("lapbird", "bullbird", "watchbird", "bluebird", "carpet"),
}


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("grey wolf", "gray wolf"),
        ("Gray Wolf", "Grey Wolf"),
        ("moustached warblers", "mustached warblers"),
        ("rose-colored starling", "rose-coloured starling"),
        ("centre of colour", "center of color"),
        ("metre", "meter"),
        ("gas meter", ""),  # no metre
        ("grey color", ""),  # both sides at once
        ("grayling", ""),  # a word of its own
        ("greyhound", ""),
        ("axes", ""),
        ("", ""),
        ("犬", ""),
    ],
)
def test_the_other_side_of_the_atlantic(text, other):
    assert other_side(text) == other


def test_there_and_back_again():
    for text in ("grey wolf", "armored cars", "Theatre", "ice ax"):
        assert other_side(other_side(text)) == text


@pytest.mark.parametrize(
    ("text", "heads", "expected"),
    [
        ("sheep dog", [], ["sheepdog", "sheep-dog"]),
        ("old sheep dog", [], ["old sheepdog", "old sheep-dog"]),
        ("sheep-dog", [], ["sheepdog", "sheep dog"]),
        ("three-toed sloth", [], ["three toed sloth"]),
        ("jack-in-the-box", [], ["jack in the box"]),
        ("pipe wrench", [], []),  # no other word ends with wrench
        ("blue bird", [], []),  # it describes
        ("bluebird", ["bird"], []),
        ("Sheep dog", [], []),  # a name
        ("grass snake", [], []),  # grasssnake
        ("carpet", ["cover"], []),  # no pet
        ("muskox", ["ox"], []),  # too short to be sure
        ("lapdog", ["hound", "dog"], ["lap dog", "lap-dog"]),
        ("-", [], []),
        ("dog", ["dog"], []),
    ],
)
def test_compounds(text, heads, expected):
    assert [spelling for spelling, _ in Compounds(NOUNS).spellings(text, heads)] == expected
