"""Pure: from a synset to the texts that engines are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imagenet_build.config.models import QueriesConfig
from imagenet_build.queries.wide import WideWords
from imagenet_build.queries.words import Mentions, Tokenizer, Tokens
from imagenet_build.records import ENGLISH, NO_LANGUAGE, Origin, Query, Synset, offset_of
from imagenet_build.taxonomy.concepts import Concepts
from imagenet_build.taxonomy.omw import Omw
from imagenet_build.taxonomy.spelling import clean_lemma, english_text, is_unspaced, text_key
from imagenet_build.taxonomy.tree import ancestors
from imagenet_build.taxonomy.wordnet import WordNet

MAX_LABELS = 5
"""Names that Wikidata adds in one language: the first are the usual ones, the last ones slang and old spellings."""


_Terms = tuple[frozenset[str], list[tuple[str, Tokens]]]
"""Base forms of the first words of a synset's lemmas, and the lemmas themselves."""


class Expander:
    """Makes the queries of synsets, one after the other.

    The rule is the paper's: all synonyms; each synonym followed by a word of a synset above it, at any height, if that
    word occurs in the synset's own gloss; the same in other languages by the lemmas of linked wordnets. With
    `expand: wide`, further English texts follow (`queries/wide.py`); then, with a concepts file, the ids of Wikidata's
    items and their names in English and the configured languages. The paper's own do not change.

    Source:
        Deng et al., "ImageNet: A Large-Scale Hierarchical Image Database", CVPR 2009, section 3.1.
    """

    def __init__(self, wordnet: WordNet, omw: Omw, config: QueriesConfig, concepts: Concepts | None = None) -> None:
        self._wordnet = wordnet
        self._omw = omw
        self._config = config
        self._languages = [language for language in dict.fromkeys(self._config.languages) if language != ENGLISH]
        self._concepts = concepts or Concepts()
        self._tokens = Tokenizer(wordnet.morphy)
        self._terms_above: dict[int, _Terms] = {}
        self._wide = WideWords(wordnet, self._tokens) if config.expand == "wide" else None

    def expand(self, synset: Synset) -> list[Query]:
        """All queries of one synset, in their fixed order, best first.

        The order: English synonyms, synonyms with a parent word, then per language translations, translations with a
        parent word; last what goes beyond the paper. Parent words come as the gloss first mentions them, nearer
        ancestors first. No text stands twice in a language, whatever its case.
        """
        above = self._mentioned_above(synset) if self._config.parent_words else []
        queries: list[Query] = []
        seen: set[tuple[str, str]] = set()
        for language, text, origin in self._texts(synset, above):
            key = text_key(text)
            if key and (language, key) not in seen:
                seen.add((language, key))
                ambiguity = max(1, self._sense_count(language, text, key))
                queries.append(Query(synset.wnid, text, language, origin, len(queries), ambiguity))
        return queries

    def _texts(self, synset: Synset, above: list[tuple[str, int]]) -> Iterator[tuple[str, str, Origin]]:
        """(language, text, origin) in order; texts may come twice."""
        for text, origin in self._english(synset, above):
            yield ENGLISH, text, origin
        for language in self._languages:
            for text, origin in self._translated(synset, above, language):
                yield language, text, origin
        if self._wide is not None:
            for text, origin in self._wide.texts(synset):
                yield ENGLISH, text, origin
        for item in self._concepts.items(synset.wnid):
            yield NO_LANGUAGE, item, Origin.CONCEPT
        for language in (ENGLISH, *self._languages):
            for text in self._labels(synset, language):
                yield language, text, Origin.LABEL

    def expand_all(self, synsets: Iterable[Synset]) -> Iterator[Query]:
        """The queries of many synsets, synset by synset."""
        for synset in synsets:
            yield from self.expand(synset)

    def _english(self, synset: Synset, above: list[tuple[str, int]]) -> Iterator[tuple[str, Origin]]:
        synonyms = [english_text(lemma) for lemma in synset.lemmas]
        for synonym in synonyms:
            yield synonym, Origin.SYNONYM
        if not above:
            return
        for synonym in synonyms:
            spellings = {synonym, synonym.replace("-", " ")}  # `tree-frog` holds the word frog, hyphen or not
            held = [Mentions(self._tokens(spelling)) for spelling in spellings]
            for word, _ in above:
                if all(mentions.first(self._tokens(word)) is None for mentions in held):
                    yield f"{synonym} {word}", Origin.PARENT_WORD

    def _translated(self, synset: Synset, above: list[tuple[str, int]], language: str) -> Iterator[tuple[str, Origin]]:
        translations = self._omw.lemmas(language, offset_of(synset.wnid))
        for translation in translations:
            yield translation, Origin.TRANSLATION
        if not translations:
            return
        parents = dict.fromkeys(offset for _, offset in above)
        words = [(word, text_key(word)) for offset in parents for word in self._omw.lemmas(language, offset)]
        for translation in translations if words else ():
            key = text_key(translation)
            for word, word_key in words:
                if not _contains(key, word_key):
                    yield f"{translation} {word}", Origin.TRANSLATED_PARENT_WORD

    def _labels(self, synset: Synset, language: str) -> list[str]:
        """The best of Wikidata's names that the synset has not, as texts; none that means another synset only."""
        labels = self._concepts.labels(synset.wnid, language)
        if not labels:
            return []
        offset = offset_of(synset.wnid)
        own = (
            [english_text(lemma) for lemma in synset.lemmas]
            if language == ENGLISH
            else self._omw.lemmas(language, offset)
        )
        found = {text_key(text): "" for text in own}
        for label in map(clean_lemma, labels):
            senses = self._wordnet.senses(label) if language == ENGLISH and label else ()
            if label and (not senses or offset in senses):
                found.setdefault(text_key(label), label)
        return [label for label in found.values() if label][:MAX_LABELS]

    def _mentioned_above(self, synset: Synset) -> list[tuple[str, int]]:
        """Words of synsets above that the gloss mentions, as texts, each with its synset; in order of first mention."""
        gloss = Mentions(self._tokens(synset.gloss))
        found: list[tuple[int, str, int]] = []
        for offset in ancestors(self._wordnet, offset_of(synset.wnid)):
            forms, terms = self._terms(offset)
            if gloss.lacks_all(forms):  # as of nearly all synsets above
                continue
            for word, tokens in terms:
                place = gloss.first(tokens)
                if place is not None:
                    found.append((place, word, offset))
        found.sort(key=lambda mention: mention[0])  # stable: nearer ancestors, then WordNet's order of words
        return [(word, offset) for _, word, offset in found]

    def _terms(self, offset: int) -> _Terms:
        found = self._terms_above.get(offset)
        if found is None:
            words = map(english_text, self._wordnet.lemmas(offset))
            terms = [(word, self._tokens(word)) for word in words]
            forms = frozenset[str]().union(*(tokens[0] for _, tokens in terms if tokens))
            found = self._terms_above[offset] = (forms, terms)
        return found

    def _sense_count(self, language: str, text: str, key: str) -> int:
        if language == ENGLISH:
            return len(self._wordnet.senses(text))
        return self._omw.sense_count_of_key(language, key)


def _contains(text: str, word: str) -> bool:
    """Whether a text holds a word, both as keys: as whole words, hyphens or not, or anywhere in scripts without spaces.

    >>> _contains("cane pastore", "cane"), _contains("canestro", "cane"), _contains("牧羊犬", "犬")
    (True, False, True)
    """
    if is_unspaced(word):
        return word in text
    return f" {word} ".replace("-", " ") in f" {text} ".replace("-", " ")
