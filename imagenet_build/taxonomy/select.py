"""Pure but for the user's lists of wnids: which synsets are built, and which are left out and why."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.errors import ConfigError, UnknownSynset, WordNetUnusable
from imagenet_build.records import WNID_PATTERN, LeftOut, LeftOutReason, Synset, offset_of, wnid_of
from imagenet_build.taxonomy.organisms import organisms
from imagenet_build.taxonomy.tree import steps_below
from imagenet_build.taxonomy.wordnet import WordNet

PERSON = "person.n.01"
OFFENSIVE_DOMAINS = frozenset({"ethnic_slur", "disparagement", "obscenity", "vulgarism"})
"""Lemmas of the usage domains whose members are left out. In WordNet 3.0: n06718862, n06717170 and n07124340."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The synsets to build and those that a gate keeps out, both in wnid order, disjoint."""

    synsets: list[Synset]
    left_out: list[LeftOut]


def select(wordnet: WordNet, config: TaxonomyConfig) -> Selection:
    """Choose the synsets of one build.

    `roots` bring their subtrees, without individuals unless `instances`; `wnids` and `wnids_file` bring exactly what
    they name. With `safety`, a synset that WordNet marks as a whole by an offensive usage domain is left out, and so
    is a person who is not on the list of allowed ones; where the mark stands on single words of a synset (two cases
    in WordNet 3.0), the synset stays and loses these words.

    Raises:
        UnknownSynset: a root or wnid that does not exist, or a word with several senses.
        ConfigError: nothing is asked for, or a list cannot be read.
    """
    wanted = _wanted(wordnet, config)
    gate = _Gate(wordnet, config)
    living = organisms(wordnet)
    synsets: list[Synset] = []
    left_out: list[LeftOut] = []
    for offset in sorted(wanted):
        refusal = gate.refusal(offset)
        if refusal:
            left_out.append(LeftOut(wnid_of(offset), wordnet.name(offset), *refusal))
        else:
            synsets.append(describe(wordnet, offset, root=wanted[offset], living=living, lemmas=gate.lemmas(offset)))
    return Selection(synsets, left_out)


def describe(
    wordnet: WordNet, offset: int, *, root: int, living: Container[int], lemmas: tuple[str, ...] = ()
) -> Synset:
    """The record of one synset; `living`: all organisms; `lemmas` where not all of its own are wanted."""
    return Synset(
        wnid=wnid_of(offset),
        name=wordnet.name(offset),
        lemmas=lemmas or wordnet.lemmas(offset),
        gloss=wordnet.gloss(offset),
        hypernyms=tuple(wnid_of(parent) for parent in wordnet.parents(offset)),
        depth=wordnet.depth(offset),
        is_organism=offset in living,
        root=wnid_of(root),
    )


def _wanted(wordnet: WordNet, config: TaxonomyConfig) -> dict[int, int]:
    """Offset -> the first wanted root that it stands below, or itself where it was named."""
    wanted: dict[int, int] = {}
    for root in map(wordnet.find, config.roots):
        for offset in steps_below(wordnet, root, instances=config.instances):
            wanted.setdefault(offset, root)
    named = list(config.wnids)
    if config.wnids_file:
        named += read_wnids(config.wnids_file)
    for offset in map(wordnet.find, named):
        wanted.setdefault(offset, offset)
    if not wanted:
        raise ConfigError(
            "No synset is asked for.", remedy="Name a root, or set taxonomy.roots, .wnids or .wnids_file."
        )
    return wanted


def read_wnids(path: Path) -> list[str]:
    """A list of synsets, one per line; after a wnid the rest of the line is free text, and so is what follows `#`.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"The list of wnids {path} cannot be read: {reason}.") from None
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    first_words = ((line, line.replace(",", " ").split()[0]) for line in lines if line.strip(" ,"))
    return [word if WNID_PATTERN.fullmatch(word) else line for line, word in first_words]


class _Gate:
    """Decides what is left out."""

    def __init__(self, wordnet: WordNet, config: TaxonomyConfig) -> None:
        self._wordnet = wordnet
        self._safety = config.safety
        self._excluded = {
            offset: path.name
            for path in reversed(config.exclude_wnids_files)
            for offset in _listed_offsets(read_wnids(path), path)
        }
        self._persons: dict[int, int] = {}
        self._allowed: frozenset[int] = frozenset()
        if config.safety:
            try:
                self._persons = steps_below(wordnet, wordnet.find(PERSON), instances=True)
            except UnknownSynset:
                raise WordNetUnusable(
                    f"{wordnet.source} has no {PERSON}, by which people are left out.",
                    remedy="Use WordNet 3.0, or set taxonomy.safety: false.",
                ) from None
            if path := config.allowed_person_wnids_file:
                self._allowed = frozenset(_listed_offsets(read_wnids(path), path))

    def refusal(self, offset: int) -> tuple[LeftOutReason, str] | None:
        """Why a synset is left out, and a detail; None if it is not."""
        if self._safety:
            domains = [self._wordnet.name(domain) for domain, lemma in self._offensive(offset) if lemma == 0]
            if domains:
                return LeftOutReason.USAGE_DOMAIN, f"WordNet marks it with {', '.join(domains)}"
            if offset in self._persons and offset not in self._allowed:
                return LeftOutReason.PERSON, f"it is {PERSON} or stands below it"
        if offset in self._excluded:
            return LeftOutReason.EXCLUDED, f"listed in {self._excluded[offset]}"
        return None

    def lemmas(self, offset: int) -> tuple[str, ...]:
        """The synset's lemmas without those that are marked one by one."""
        lemmas = self._wordnet.lemmas(offset)
        marked = {lemma for _, lemma in self._offensive(offset)} if self._safety else set()
        return tuple(lemma for number, lemma in enumerate(lemmas, start=1) if number not in marked) or lemmas

    def _offensive(self, offset: int) -> list[tuple[int, int]]:
        domains = self._wordnet.usage_domains(offset)
        return [(domain, lemma) for domain, lemma in domains if OFFENSIVE_DOMAINS & {*self._wordnet.lemmas(domain)}]


def _listed_offsets(wnids: Iterable[str], path: Path) -> list[int]:
    """Lists for gates hold wnids only, and may name synsets that are not here: lists outlive releases."""
    try:
        return [offset_of(wnid) for wnid in wnids]
    except ValueError as error:
        raise ConfigError(f"In the list {path}: {error}.") from None
