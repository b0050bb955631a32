"""Pure: other spellings of English nouns: joined, hyphenated, spaced; British, American."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

MIN_PART = 3
"""Letters of each part of a compound; shorter ones (`a`, `in`, `ox`) are found in too many words by chance."""
MIN_COMPOUNDS = 2
"""So many one-word compounds must begin with the first part, and end with the second, before a pair is joined."""
MAX_FIRST_PART = 7
"""Letters: long words are not joined with others (`shepherd dog` is; `passenger car` is not)."""

# British, American. With `=>` only the first is rewritten: the second is also another word (no metre is a gas meter).
_TABLE = """
aeroplane airplane|aluminium aluminum|amphitheatre amphitheater|anaesthetic anesthetic|arbour arbor|armour armor
armoured armored|artefact artifact|axe ax|adze adz|barrelled barreled|behaviour behavior|calibre caliber
carburettor carburetor|catalogue => catalog|caulking calking|centimetre => centimeter|centre center|chequered checkered
chilli chili|cigarette => cigaret|clamour clamor|colour color|coloured colored|cosy cozy|crenellated crenelated
dialled dialed|disc disk|draught draft|enamelled enameled|favourite favorite|fibre fiber|fibreglass fiberglass
flavoured flavored|fledgeling fledgling|fuelled fueled|gauge => gage|grey gray|gramme => gram|harbour harbor
haematite hematite|honour honor|honeyed => honied|jewelled jeweled|jeweller jeweler|jewellery jewelry|kerb => curb
kilometre => kilometer|labour labor|levelled leveled|leveller leveler|litre => liter|lustre luster|manoeuvre maneuver
marvellous marvelous|mediaeval medieval|metre => meter|mollusc mollusk|mould mold|moulding molding|mouldboard moldboard
moustache mustache|moustached mustached|neighbour neighbor|ochre ocher|odour odor|omelette => omelet
palaeolithic paleolithic|panelled paneled|panelling paneling
parlour parlor|pedalled pedaled|pencilled penciled|plough plow|ploughshare plowshare
pyjama pajama|rumour rumor|sabre saber|saltpetre saltpeter|savour savor|savoury savory|sceptre scepter|sombre somber
spectre specter|sulphate sulfate|sulphur sulfur|swivelled swiveled|tasselled tasseled|theatre theater|towelling toweling
traveller traveler|travelling traveling|tricolour tricolor|tumour tumor|tyre tire|vapour vapor|vice-grip vise-grip
waggon wagon|whisky whiskey|woollen woolen|yoghurt yogurt
"""
_TO_AMERICAN: dict[str, str] = {}
_TO_BRITISH: dict[str, str] = {}
for _pair in re.split(r"[|\n]", _TABLE.strip()):
    _british, _american = re.split(r" => | ", _pair)
    _TO_AMERICAN[_british] = _american
    if "=>" not in _pair:
        _TO_BRITISH[_american] = _british

_DESCRIBING = frozenset(
    re.findall(
        r"\w+",
        "big black blue brown cold dark dry flat giant gold golden gray great green grey hot large light little long"
        " orange pink purple red short silver small sweet true wet white wild yellow",
    )
)
"""Words that, set apart, only describe: a blue bird is not yet a bluebird."""
_WORD_OR_GAP = re.compile(r"[^\s-]+|[\s-]+")


def other_side(text: str) -> str:
    """A text in American spelling if it was British, in British if it was American; empty if it is neither, or mixed.

    >>> other_side("Grey wolf"), other_side("colored discs"), other_side("plow handles"), other_side("axes")
    ('Gray wolf', '', 'plough handles', '')
    """
    pieces = _WORD_OR_GAP.findall(text)
    rewritten = ["".join(_swapped(piece, table) for piece in pieces) for table in (_TO_AMERICAN, _TO_BRITISH)]
    changed = [other for other in rewritten if other != text]
    return changed[0] if len(changed) == 1 else ""


def _swapped(word: str, table: Mapping[str, str]) -> str:
    """A word by a table, its plural too; itself where it is not in it."""
    plain = word.lower()
    if plain in table:
        other = table[plain]
    elif plain.endswith("s") and plain[:-1] in table:
        other = table[plain[:-1]]
        other += "es" if other.endswith("x") else "s"
    else:
        return word
    return other.capitalize() if word[0].isupper() else other


class Compounds:
    """Joins and splits compounds as English does elsewhere.

    Nobody lists all spellings, but WordNet's own one-word nouns show which words like to be joined: as `sheepfold` and
    `sheepskin` begin with sheep, and `bulldog` and `lapdog` end with dog, `sheep dog` is also written `sheepdog`; no
    other word ends with wrench, so `pipe wrench` stays as it is.

    Args:
        nouns: every noun of the index, lower case, `_` for space.
    """

    def __init__(self, nouns: Collection[str]) -> None:
        self._nouns = nouns
        self._first: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        for noun in nouns:
            if len(noun) >= 2 * MIN_PART and noun.isalpha():
                for place in range(MIN_PART, len(noun) - MIN_PART + 1):
                    first, last = noun[:place], noun[place:]
                    if first in nouns and last in nouns:
                        self._first[first] += 1
                        self._last[last] += 1

    def spellings(self, text: str, heads: Iterable[str]) -> Iterator[tuple[str, bool]]:
        """(another spelling, whether an engine that cuts texts at hyphens would tell it from the first).

        Args:
            text: a synonym.
            heads: words of the synsets above it, lower case: only in front of one of these is a word taken apart, since
                a sailboat is a boat, but a carpet no pet.

        >>> compounds = Compounds({"sheep", "dog", "lap", "sheepfold", "fold", "sheepskin", "skin", "sheeprun", "run",
        ...     "bulldog", "bull", "lapdog", "watchdog", "watch"})
        >>> list(compounds.spellings("sheep dog", []))
        [('sheepdog', True), ('sheep-dog', False)]
        >>> list(compounds.spellings("lapdog", ["dog"])), list(compounds.spellings("bulldog", ["hound"]))
        ([('lap dog', True), ('lap-dog', False)], [])
        """
        if "-" in text:
            yield from self._unhyphenated(text)
            return
        head, gap, last = text.rpartition(" ")
        before, _, first = head.rpartition(" ")
        start = f"{before} " if before else ""
        if gap:
            if self._joins(first, last):
                yield f"{start}{first}{last}", True
                yield f"{start}{first}-{last}", False
            return
        for word in heads:
            first = text.removesuffix(word)
            if first != text and min(len(first), len(word)) >= MIN_PART and first.lower() in self._nouns:
                if first.lower() not in _DESCRIBING:
                    yield f"{first} {word}", True
                    yield f"{first}-{word}", False
                return

    def _unhyphenated(self, text: str) -> Iterator[tuple[str, bool]]:
        parts = text.split("-")
        if len(parts) == 2 and all(part.isalpha() for part in parts) and self._joins(*parts):
            yield "".join(parts), True
        spaced = " ".join(text.replace("-", " ").split())
        if spaced:
            yield spaced, False

    def _joins(self, first: str, last: str) -> bool:
        return (
            first.islower()
            and last.islower()
            and MIN_PART <= len(first) <= MAX_FIRST_PART
            and first not in _DESCRIBING
            and not (first[-1] == first[-2] == last[0])  # grasssnake
            and self._first[first] >= MIN_COMPOUNDS
            and self._last[last] >= MIN_COMPOUNDS
        )
