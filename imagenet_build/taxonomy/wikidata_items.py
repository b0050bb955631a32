"""EDGE: fills a concepts file from Wikidata's query service, https://www.wikidata.org/wiki/Wikidata:SPARQL_query_service"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlencode

from imagenet_build.errors import EngineRefused, RateLimited, SourceError, UnexpectedResponse, Unreachable
from imagenet_build.network.client import HttpClient
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.politeness import Pace
from imagenet_build.network.retry import backoff_s, retry_after_s
from imagenet_build.records import NO_LANGUAGE, offset_of, wnid_of
from imagenet_build.storage.tables import write_whole
from imagenet_build.taxonomy.concepts import ConceptRow, format_concepts, read_concepts

SOURCE = "wikidata"
BATCH = 200
"""Synsets in one question."""
ATTEMPTS = 5
TIMEOUT_S = 75.0
"""The service gives up after 60 s by itself."""
MAX_BYTES = 50_000_000

_CODES = """
als sq, arb ar, bul bg, cat ca, ces cs, cmn zh zh-hans zh-cn, cym cy, dan da, deu de, ell el, eng en, est et, eus eu,
fas fa, fin fi, fra fr, gle ga, glg gl, heb he, hin hi, hrv hr, hun hu, ind id, isl is, ita it, jpn ja, kat ka, kor ko,
lav lv, lit lt, mkd mk, mon mn, mya my, nld nl, nno nn, nob nb no, pol pl, por pt pt-br, qcn zh-hant zh-tw zh-hk,
ron ro, rus ru, slk sk, slv sl, spa es, srp sr, swe sv, tam ta, tel te, tgl tl, tha th, tur tr, ukr uk, urd ur, vie vi,
zsm ms
"""
CODES = {words[0]: tuple(words[1:]) for words in map(str.split, _CODES.split(","))}
"""ISO 639-3 -> Wikidata's codes, the best first. Languages that have no code of two letters keep theirs of three."""

# P2888 (exact match) holds a URI of WordNet 3.0, whose offsets wnids are. P8814 looks alike, but holds offsets of
# WordNet 3.1: an equal number there is another concept. An item without any wanted name must still come.
_SPARQL = """SELECT ?uri ?item ?kind ?label WHERE {{
  VALUES ?uri {{ {uris} }}
  ?item wdt:P2888 ?uri .
  VALUES ?kind {{ rdfs:label skos:altLabel }}
  OPTIONAL {{ ?item ?kind ?label . FILTER(LANG(?label) IN ({codes})) }}
}}"""
_URI = re.compile(r"http://wordnet-rdf\.princeton\.edu/wn30/(\d{8})-n")
_ENTITY = re.compile(r"https?://www\.wikidata\.org/entity/(Q[1-9]\d*)")
_Items = dict[str, set[tuple[str, bool, str]]]
"""Item -> (Wikidata's language code, whether it is an alias, name)."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/sparql-results+json"}


def codes_of(language: str) -> tuple[str, ...]:
    """Wikidata's codes for a language (ISO 639-3).

    >>> codes_of("cmn"), codes_of("ast")
    (('zh', 'zh-hans', 'zh-cn'), ('ast',))
    """
    return CODES.get(language, (language,))


def concepts_query(wnids: Sequence[str], languages: Sequence[str]) -> str:
    """The question for the items of some synsets with their names, as SPARQL."""
    uris = " ".join(f"<http://wordnet-rdf.princeton.edu/wn30/{offset_of(wnid):08d}-n>" for wnid in wnids)
    codes = ", ".join(f'"{code}"' for language in languages for code in codes_of(language))
    return _SPARQL.format(uris=uris, codes=codes)


def read_items(body: bytes, wnids: Sequence[str], languages: Sequence[str]) -> list[ConceptRow]:
    """The rows that an answer stands for: every wnid has one at least, and every item one in every language.

    Labels come before aliases, these in the order of their letters: the service gives none. Lexemes and other things
    that are linked to WordNet but are no items are passed over.

    Raises:
        ValueError, KeyError, TypeError: the answer does not have the documented form.
    """
    names: dict[str, _Items] = {wnid: {} for wnid in wnids}
    for binding in json.loads(body)["results"]["bindings"]:
        uri, entity = _URI.fullmatch(binding["uri"]["value"]), _ENTITY.fullmatch(binding["item"]["value"])
        if uri is None:
            raise ValueError(f"{binding['uri']['value']!r} is no synset of WordNet 3.0")
        if entity is not None:
            found = names[wnid_of(int(uri[1]))].setdefault(entity[1], set())
            if "label" in binding:
                is_alias = binding["kind"]["value"].endswith("#altLabel")
                label = binding["label"]
                found.add((label["xml:lang"].lower(), is_alias, " ".join(label["value"].split())))
    return [row for wnid in wnids for row in _rows(wnid, names[wnid], languages)]


def _rows(wnid: str, items: _Items, languages: Sequence[str]) -> Iterator[ConceptRow]:
    if not items:
        yield ConceptRow(wnid, "", NO_LANGUAGE, "")
    for item, found in items.items():
        yield ConceptRow(wnid, item, NO_LANGUAGE, "")
        for language in languages:
            codes = codes_of(language)
            names = sorted((is_alias, codes.index(code), name) for code, is_alias, name in found if code in codes)
            for label in dict.fromkeys(name for _, _, name in names if name) or [""]:
                yield ConceptRow(wnid, item, language, label)


def missing(
    rows: Iterable[ConceptRow], wnids: Iterable[str], languages: Sequence[str]
) -> list[tuple[list[str], tuple[str, ...]]]:
    """What is still to be asked: batches of synsets, each with the languages that no row of theirs is in.

    A synset without an item is not asked again.
    """
    asked: dict[str, set[str]] = {}
    for row in rows:
        asked.setdefault(row.wnid, set()).update([row.language] if row.item else [NO_LANGUAGE, *languages])
    groups: dict[tuple[str, ...], list[str]] = {}
    for wnid in dict.fromkeys(wnids):
        done = asked.get(wnid, set())
        lacking = tuple(language for language in languages if language not in done)
        if lacking:
            groups.setdefault(lacking, []).append(wnid)
    return [
        (group[start : start + BATCH], lacking)
        for lacking, group in groups.items()
        for start in range(0, len(group), BATCH)
    ]


async def fill_concepts(
    path: Path,
    client: HttpClient,
    url: str,
    wnids: Iterable[str],
    languages: Sequence[str],
    *,
    min_delay_s: float,
    say: Callable[[str], None],
) -> list[ConceptRow]:
    """Ask for what a file does not hold yet; it is written after every answer, so that a stop costs one.

    Args:
        path: the file, made if it is not there.
        url: the query service's address.
        languages: ISO 639-3, at least one.
        min_delay_s: pause between the starts of two questions, seconds.
        say: told how far it is, after every answer.
    Returns:
        All rows of the file.
    Raises:
        ConfigError: the file is there, but is no concepts file.
        SourceError: no answer after `ATTEMPTS`, or one that cannot be read; what came before it is kept.
    """
    rows = _begun(path)
    pace = Pace(min_delay_s)
    batches = missing(rows, wnids, languages)
    for number, (batch, lacking) in enumerate(batches, start=1):
        body = await _answer(client, url, concepts_query(batch, lacking), pace)
        try:
            rows += read_items(body, batch, lacking)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnexpectedResponse(f"{SOURCE} gave an answer that cannot be read: {error!r}", source=SOURCE) from None
        _write(path, format_concepts(rows).encode())
        say(f"{number} of {len(batches)} questions answered")
    return rows


def _begun(path: Path) -> list[ConceptRow]:
    return read_concepts(path) if path.exists() else []


def _write(path: Path, text: bytes) -> None:
    def write(out: IO[bytes]) -> None:
        out.write(text)

    write_whole(path, write)


async def _answer(client: HttpClient, url: str, sparql: str, pace: Pace) -> bytes:
    form = urlencode({"query": sparql, "format": "json"}).encode()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with pace.turn():
                answer = await client.send(url, body=form, headers=_FORM, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
            failure = _failure(answer)
            if failure is None:
                return answer.body
            raise failure
        except (RateLimited, Unreachable) as error:
            if attempt == ATTEMPTS:
                raise
            asked_s = error.retry_after_s if isinstance(error, RateLimited) else None
            pace.park(backoff_s(attempt, random.Random()) if asked_s is None else asked_s)
    raise AssertionError("the last attempt returns or raises")


def _failure(answer: HttpAnswer) -> SourceError | None:
    """By status only: the service's texts change. A timeout may also cut a 200 short."""
    if answer.status == 200:
        body = answer.body.strip()
        if body.startswith(b"{") and body.endswith(b"}"):
            return None
        return Unreachable(f"{SOURCE} answered 200 with {len(body)} bytes that are no whole JSON.", source=SOURCE)
    said = answer.body[:200].decode("utf-8", "replace").strip()
    message = f"{SOURCE} answered {answer.status}: {said}"
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return RateLimited(message, source=SOURCE, retry_after_s=retry_after_s(answer.headers))
    if answer.status == 403:
        remedy = "Set --contact to a mail address or page of whoever runs this; Wikimedia refuses clients without."
        return EngineRefused(message, source=SOURCE, remedy=remedy)
    return UnexpectedResponse(message, source=SOURCE)
