"""Parses WordNet's noun database files: data.noun at once, index.noun and noun.exc when first needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property

from imagenet_build.errors import WordNetUnusable
from imagenet_build.records import wnid_of
from imagenet_build.taxonomy.morphy import base_forms
from imagenet_build.taxonomy.naming import find_synset, spelled_as_key

NOT_INTACT = "`imagenet-build data install` fetches an intact WordNet 3.0."
_PARENT = re.compile(rb" @i? (\d{8}) n ")
_INSTANCE_PARENT = re.compile(rb" @i (\d{8}) n ")
_GROUP = re.compile(rb" #m (\d{8}) n ")
_USAGE = re.compile(rb" ;u (\d{8}) n ([0-9a-f]{2})")
_QUOTED = re.compile(r'"([^"]*)"')
_EXAMPLE = re.compile(r'"[^\n]*?"')


class WordNet:
    """The nouns of one WordNet.

    Offsets are byte positions in data.noun, as WordNet itself counts them. Parents are hypernyms (`@`) and, for
    instances, instance hypernyms (`@i`). Lemmas and glosses are decoded where they are asked for; the raw file stays in
    memory, which is several times smaller than its parsed form.

    Args:
        data: data.noun, with LF line ends.
        read: gives the bytes of `index.noun` or `noun.exc`; called at most once for each.
        source: where the files lie, for messages.
    Raises:
        WordNetUnusable: a line that cannot be read or does not stand at its own offset, a parent that does not exist,
            or parents in a circle.
    Source:
        wndb(5WN), the format of WordNet's database files.
    """

    def __init__(self, data: bytes, read: Callable[[str], bytes], source: str = "WordNet") -> None:
        self.source = source
        self._data = data
        self._read = read
        self._parents: dict[int, tuple[int, ...]] = {}
        self._instances: dict[int, tuple[int, ...]] = {}
        self._parse()
        self._depths = self._measure_depths()

    def _parse(self) -> None:
        data, parents, instances = self._data, self._parents, self._instances
        find, find_parents = data.find, _PARENT.findall
        if data and not data.endswith(b"\n"):
            raise self._damaged("data.noun is cut off in the middle of a line")
        position = 0
        end = len(data)
        while position < end:
            line_end = find(b"\n", position)
            if data[position] != 32:  # lines of the licence begin with a space
                head_end = find(b"|", position, line_end)
                if head_end < 0 or data[position : position + 8] != b"%08d" % position:
                    where = f"the line at byte {position} does not begin with that number, or has no gloss"
                    crlf = " (its line ends are CRLF)" if data[line_end - 1] == 13 else ""
                    raise self._damaged(f"in data.noun {where}{crlf}")
                parents[position] = tuple(map(int, find_parents(data, position, head_end)))
                if find(b" @i ", position, head_end) >= 0:
                    instances[position] = tuple(map(int, _INSTANCE_PARENT.findall(data, position, head_end)))
            position = line_end + 1
        if not parents:
            raise self._damaged("data.noun holds no synset")

    def _measure_depths(self) -> dict[int, int]:
        """Fewest steps to a synset without parents, for all; parents first (Kahn 1962), so that circles show."""
        ready = [offset for offset, parents in self._parents.items() if not parents]
        depths = dict.fromkeys(ready, 0)
        waiting = {offset: len(parents) for offset, parents in self._parents.items() if len(parents) > 1}
        children = self._children
        for offset in ready:  # grows while it is walked
            below = depths[offset] + 1
            for child in children.get(offset, ()):
                if child not in waiting:
                    depths[child] = below
                    ready.append(child)
                    continue
                depths[child] = min(depths.get(child, below), below)
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        if len(ready) < len(self._parents):
            circle = " -> ".join(wnid_of(offset) for offset in self._circle(set(self._parents).difference(ready)))
            raise self._damaged(f"hypernyms go in a circle: {circle}")
        return depths

    @cached_property
    def _children(self) -> dict[int, list[int]]:
        children: dict[int, list[int]] = {}
        for offset, parents in self._parents.items():
            for parent in parents:
                if parent not in self._parents:
                    raise self._damaged(f"{wnid_of(offset)} has the parent {wnid_of(parent)}, which does not exist")
                children.setdefault(parent, []).append(offset)
        return children

    def _circle(self, unplaced: set[int]) -> list[int]:
        """One circle among the synsets that wait for a parent, its first synset repeated at the end."""
        offset = min(unplaced)
        trail: list[int] = []
        while offset not in trail:
            trail.append(offset)
            offset = next(parent for parent in self._parents[offset] if parent in unplaced)
        return [*trail[trail.index(offset) :], offset]

    def _damaged(self, what: str) -> WordNetUnusable:
        return WordNetUnusable(f"{self.source} cannot be used: {what}.", source=self.source, remedy=NOT_INTACT)

    # one synset

    def __contains__(self, offset: object) -> bool:
        return offset in self._parents

    def __len__(self) -> int:
        return len(self._parents)

    @property
    def offsets(self) -> Iterable[int]:
        """All noun synsets, ascending."""
        return self._parents.keys()

    def _head(self, offset: int) -> bytes:
        return self._data[offset : self._data.index(b"|", offset)]

    def _whole_gloss(self, offset: int) -> str:
        start = self._data.index(b"|", offset) + 1
        return self._data[start : self._data.index(b"\n", start)].decode("utf-8", "replace")

    def lemmas(self, offset: int) -> tuple[str, ...]:
        """Synonyms in WordNet's order and spelling, `_` for space.

        Raises:
            WordNetUnusable: the synset's line does not have the documented form.
        """
        data = self._data
        if data[offset + 14 : offset + 17] == b"01 ":  # every second synset has one word
            return (data[offset + 17 : data.index(b" ", offset + 17)].decode(),)
        try:
            count = int(data[offset + 14 : offset + 16], 16)  # every field up to the words has a fixed width
            fields = data[offset + 17 : data.index(b"|", offset)].decode().split(" ", 2 * count)
        except ValueError:
            raise self._damaged(f"the line of {wnid_of(offset)} cannot be read") from None
        lemmas = tuple(fields[: 2 * count : 2])
        if not count or len(fields) <= 2 * count:
            raise self._damaged(f"the line of {wnid_of(offset)} names fewer words than it says")
        return lemmas

    def gloss(self, offset: int) -> str:
        """The definition, without the quoted examples."""
        gloss = self._whole_gloss(offset)
        return (_EXAMPLE.sub("", gloss) if '"' in gloss else gloss).strip().strip("; ")

    def examples(self, offset: int) -> list[str]:
        """The quoted examples, without quotation marks."""
        return _QUOTED.findall(self._whole_gloss(offset))

    def hypernyms(self, offset: int) -> tuple[int, ...]:
        """Parents of a kind (`@`)."""
        instance_of = self._instances.get(offset, ())
        return tuple(parent for parent in self._parents[offset] if parent not in instance_of)

    def instance_hypernyms(self, offset: int) -> tuple[int, ...]:
        """Parents of an individual (`@i`): Lassie is a dog, not a kind of dog."""
        return self._instances.get(offset, ())

    def parents(self, offset: int) -> tuple[int, ...]:
        """Parents of both sorts."""
        return self._parents[offset]

    def hyponyms(self, offset: int, *, instances: bool = False) -> tuple[int, ...]:
        """Children, ascending; individuals only if asked for."""
        return tuple(
            child
            for child in self._children.get(offset, ())
            if instances or offset not in self._instances.get(child, ())
        )

    def groups(self, offset: int) -> tuple[int, ...]:
        """What a synset's things are members of (`#m`): dogs of the genus Canis, among others."""
        return tuple([int(group) for group in _GROUP.findall(self._head(offset))])

    def usage_domains(self, offset: int) -> list[tuple[int, int]]:
        """Usage domains (`;u`) as (domain's offset, which lemma they mark: from 1, or 0 for the whole synset)."""
        return [(int(domain), int(lemma, 16)) for domain, lemma in _USAGE.findall(self._head(offset))]

    def depth(self, offset: int) -> int:
        """Fewest steps up to a synset without parents, 0 for such a synset itself."""
        return self._depths[offset]

    def name(self, offset: int) -> str:
        """As NLTK writes it: first lemma in lower case, `n`, sense number (`dog.n.01`).

        Raises:
            WordNetUnusable: index.noun does not belong to data.noun.
        """
        lemma = self.lemmas(offset)[0].lower()
        try:
            return f"{lemma}.n.{self.index[lemma].index(offset) + 1:02d}"
        except (KeyError, ValueError):
            raise self._damaged(f"index.noun does not list {wnid_of(offset)} under {lemma!r}") from None

    # words

    @cached_property
    def index(self) -> dict[str, tuple[int, ...]]:
        """Lower-case lemma, `_` for space -> its noun senses, most frequent first."""
        index: dict[str, tuple[int, ...]] = {}
        for line in self._read("index.noun").decode("utf-8", "replace").split("\n"):
            if not line or line[0] == " ":
                continue
            fields = line.split()
            try:
                index[fields[0]] = tuple([int(offset) for offset in fields[-int(fields[2]) :]])
            except (ValueError, IndexError):
                raise self._damaged(f"index.noun has a line that cannot be read: {line[:60]!r}") from None
        return index

    @cached_property
    def exceptions(self) -> dict[str, tuple[str, ...]]:
        """Irregular plural -> its singulars (noun.exc)."""
        lines = self._read("noun.exc").decode("utf-8", "replace").split("\n")
        return {fields[0]: tuple(fields[1:]) for fields in map(str.split, lines) if fields}

    def senses(self, text: str) -> tuple[int, ...]:
        """Noun senses that a text has as it stands, most frequent first; any case, spaces or `_`."""
        return self.index.get(spelled_as_key(text), ())

    def morphy(self, text: str) -> tuple[str, ...]:
        """The index entries that a noun may be a form of, itself first if it is one (`morphy.base_forms`)."""
        return base_forms(spelled_as_key(text), self.exceptions, self.index)

    def find(self, text: str) -> int:
        """The synset that `dog.n.01`, `n02084071` or a bare word means.

        Raises:
            UnknownSynset: none, with close matches; or several, with their names and glosses.
        """
        return find_synset(self, text)
