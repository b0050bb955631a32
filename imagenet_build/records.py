"""The rows that travel between the stages, their ids and their enumerations.

A record is a frozen value without behaviour. Its on-disk form is in `storage/schemas.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

WNID_PATTERN = re.compile(r"n\d{8}")
ENGLISH = "eng"
"""Languages are ISO 639-3 codes throughout, as the Open Multilingual Wordnet writes them: eng, cmn, spa, nld, ita."""
NO_LANGUAGE = "zxx"
"""ISO 639-2's code for what is in no language: ids of concepts."""


def wnid_of(offset: int) -> str:
    """The ImageNet id of a noun synset: `n` and its 8-digit byte offset in WordNet 3.0's data.noun.

    >>> wnid_of(2084071)
    'n02084071'
    """
    return f"n{offset:08d}"


def offset_of(wnid: str) -> int:
    """The byte offset in data.noun that a wnid names.

    >>> offset_of("n02084071")
    2084071
    """
    if not WNID_PATTERN.fullmatch(wnid):
        raise ValueError(f"{wnid!r} is not a wnid: n and eight digits")
    return int(wnid[1:])


@dataclass(frozen=True, slots=True)
class Synset:
    """One WordNet noun concept, with what the later stages need of its place in the hierarchy."""

    wnid: str
    name: str
    """As NLTK writes it: first lemma, `n`, sense number (`dog.n.01`)."""
    lemmas: tuple[str, ...]
    """Synonyms as WordNet spells them, `_` for space, WordNet's order."""
    gloss: str
    """The definition, without the quoted examples."""
    hypernyms: tuple[str, ...]
    """Parents' wnids (instance parents too, where the synset is an instance)."""
    depth: int
    """Fewest steps up to a synset without parents; `entity.n.01` has 0."""
    is_organism: bool
    """Stands below organism.n.01, or is it."""
    root: str
    """The first wanted root that it stands below (or is)."""


class LeftOutReason(str, Enum):
    """Why a synset of a wanted subtree is not built."""

    PERSON = "person"
    USAGE_DOMAIN = "usage_domain"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A synset that a safety gate or a list of the user's keeps out."""

    wnid: str
    name: str
    reason: LeftOutReason
    detail: str


class Origin(str, Enum):
    """How a query came about."""

    SYNONYM = "synonym"
    PARENT_WORD = "parent_word"
    TRANSLATION = "translation"
    TRANSLATED_PARENT_WORD = "translated_parent_word"
    # beyond the paper, with `queries.expand: wide`
    SPELLING = "spelling"
    BASIC_LEVEL = "basic_level"
    LATIN = "latin"
    # with `queries.concepts_file`
    CONCEPT = "concept"
    """The text is Wikidata's id of the concept (Q144), the language `zxx`."""
    LABEL = "label"
    """A name that Wikidata has for the concept."""


@dataclass(frozen=True, slots=True)
class Query:
    """One text in one language to be sent to engines for one synset."""

    wnid: str
    text: str
    language: str
    origin: Origin
    position: int
    """Place in the synset's fixed order, from 0; best first."""
    ambiguity: int = 1
    """How many noun senses share this text in this language's wordnet, at least 1."""


UNKNOWN_LICENSE = "unknown"


@dataclass(frozen=True, slots=True)
class Credit:
    """Where a picture stands and under which terms, as the engine says. Empty means: not said."""

    page_url: str = ""
    license: str = UNKNOWN_LICENSE
    """Openverse's codes: by, by-sa, by-nc, …, cc0, pdm; else `unknown`."""
    license_version: str = ""
    license_url: str = ""
    creator: str = ""
    creator_url: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One (synset, engine, query, rank) -> image URL."""

    query: Query
    engine: str
    rank: int
    """Place in this engine's answer to this query, from 0."""
    url: str
    engine_id: str = ""
    """The provider's own stable id of the picture."""
    width: int | None = None
    """Pixels, as the engine says; None where it does not."""
    height: int | None = None
    credit: Credit = field(default_factory=Credit)
    preview_url: str = ""
    """A small version of the picture, as the engine says; empty where it says none, or one cut to another shape."""


class RejectReason(str, Enum):
    """Why a hit or an image was refused. Its class decides whether `retry --class transient` brings it back."""

    # search: the engine's item itself
    NO_URL = "no_url"
    BAD_URL = "bad_url"
    LICENSE_REFUSED = "license_refused"
    # policy, before connecting
    SCHEME_REFUSED = "scheme_refused"
    ADDRESS_REFUSED = "address_refused"
    ROBOTS_REFUSED = "robots_refused"
    OPTED_OUT = "opted_out"
    # the wire
    TIMEOUT = "timeout"
    TOO_SLOW = "too_slow"
    HOST_UNKNOWN = "host_unknown"
    TLS_FAILED = "tls_failed"
    UNREACHABLE = "unreachable"
    ROBOTS_UNREACHABLE = "robots_unreachable"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    CUT_OFF = "cut_off"
    BAD_ANSWER = "bad_answer"
    HTTP_ERROR = "http_error"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    # the bytes
    TOO_MANY_BYTES = "too_many_bytes"
    EMPTY = "empty"
    HTML = "html"
    NOT_AN_IMAGE = "not_an_image"
    FORMAT_REFUSED = "format_refused"
    TOO_MANY_PIXELS = "too_many_pixels"
    NO_PIXELS = "no_pixels"
    ONE_PIXEL = "one_pixel"
    TOO_SMALL = "too_small"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    POLYGLOT = "polyglot"
    PLACEHOLDER = "placeholder"
    KNOWN_PREVIEW = "known_preview"
    DECODER_FAILED = "decoder_failed"

    @property
    def transient(self) -> bool:
        """Whether trying again later may help."""
        return self in _TRANSIENT


_TRANSIENT = frozenset(
    {
        RejectReason.TIMEOUT,
        RejectReason.TOO_SLOW,
        RejectReason.HOST_UNKNOWN,
        RejectReason.UNREACHABLE,
        RejectReason.ROBOTS_UNREACHABLE,
        RejectReason.THROTTLED,
        RejectReason.SERVER_ERROR,
        RejectReason.CUT_OFF,
        RejectReason.BAD_ANSWER,
        RejectReason.DECODER_FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why something was refused: an enumerated reason for machines, a detail for people."""

    reason: RejectReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What one strict decode says about a file's bytes."""

    sha256: str
    """Hex digest of the bytes as they came."""
    pixel_sha256: str
    """Hex digest of width, height and the upright RGB pixels on white as they were decoded here: a JPEG perhaps at a
    half, a quarter or an eighth of its size, others in full. Equal pictures in files of one kind agree."""
    format: str
    """Pillow's name: JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIF."""
    width: int
    """Pixels, upright."""
    height: int
    has_alpha: bool
    """Transparency was present; hashes and the tiny image see the picture on white, as a viewer would."""
    frames: int
    """1, or more for animations and multi-page files; only the first is looked at."""
    orientation: int
    """EXIF orientation 1 to 8; 1 where absent."""
    mode: str
    """How the file stores its pixels, in Pillow's words: RGB, L, P, CMYK, I;16, RGBA, ..."""
    has_icc_profile: bool
    """The file names a colour space of its own; hashes and the tiny image take its numbers as sRGB."""
    dct_hash: int
    """64-bit `imagehash.phash` of the upright picture, as an unsigned integer; of a large JPEG within 4 bits of it."""
    mirrored_hash: int
    """The `dct_hash` that the picture has when mirrored left to right."""
    gradient_hash: int
    """64-bit `imagehash.dhash` of the upright picture, as an unsigned integer; likewise."""
    tiny: bytes
    """The picture at 32 x 32 RGB, row by row, 3072 bytes (Torralba et al. 2008, "80 million tiny images")."""


@dataclass(frozen=True, slots=True)
class ShardRef:
    """Where an image's bytes lie: `size` bytes at `offset` of the shard, a path relative to the run's images/."""

    shard: str
    offset: int
    size: int
