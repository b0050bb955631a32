"""One Arrow schema per table. Each column's field metadata says its unit and where it comes from."""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = "1"


def _column(name: str, kind: pa.DataType, about: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"about": about})


_TEXT = pa.string()
_WNID = _column("wnid", _TEXT, "synset: n and the 8-digit offset in WordNet 3.0")
_URL = _column("url", _TEXT, "image URL as fetched, cleaned of tracking parameters")
_URL_KEY = _column("url_key", _TEXT, "canonical form of the URL; one picture address, one key")

SYNSETS = pa.schema(
    [
        _WNID,
        _column("name", _TEXT, "as NLTK writes it, dog.n.01"),
        _column("lemmas", pa.list_(_TEXT), "synonyms, WordNet's spelling and order"),
        _column("gloss", _TEXT, "definition without examples"),
        _column("hypernyms", pa.list_(_TEXT), "wnids of the parents"),
        _column("depth", pa.int16(), "fewest steps up to a synset without parents"),
        _column("is_organism", pa.bool_(), "stands below organism.n.01, or is it"),
        _column("root", _TEXT, "name of the first wanted root at or above it"),
    ]
)

LEFT_OUT = pa.schema(
    [
        _WNID,
        _column("name", _TEXT, "as NLTK writes it"),
        _column("reason", _TEXT, "person, usage_domain, excluded"),
        _column("detail", _TEXT, "which gate, which domain, which file"),
    ]
)

QUERIES = pa.schema(
    [
        _WNID,
        _column("text", _TEXT, "what is sent to engines"),
        _column("language", _TEXT, "ISO 639-3"),
        _column("origin", _TEXT, "how it came about: synonym, parent_word, translation, ... (records.Origin)"),
        _column("position", pa.int32(), "order within the synset, from 0, best first"),
        _column("ambiguity", pa.int32(), "noun senses that share the text, at least 1"),
    ]
)

CREDIT = [
    _column("page_url", _TEXT, "page that shows the picture; empty: not said"),
    _column("license", _TEXT, "Openverse's codes (by, by-sa, cc0, pdm, ...) or unknown"),
    _column("license_version", _TEXT, "4.0; empty: not said"),
    _column("license_url", _TEXT, "text of the licence; empty: not said"),
    _column("creator", _TEXT, "author as the engine says"),
    _column("creator_url", _TEXT, "author's page"),
    _column("title", _TEXT, "title as the engine says"),
]

HITS = pa.schema(
    [
        _WNID,
        _column("engine", _TEXT, "engine that gave the hit"),
        _column("query", _TEXT, "text that was sent"),
        _column("language", _TEXT, "ISO 639-3 of the query"),
        _column("origin", _TEXT, "origin of the query"),
        _column("position", pa.int32(), "the query's place in its synset"),
        _column("rank", pa.int32(), "place in the engine's answer, from 0"),
        _URL,
        _URL_KEY,
        _column("engine_id", _TEXT, "the provider's id of the picture"),
        _column("width", pa.int32(), "pixels as the engine says", nullable=True),
        _column("height", pa.int32(), "pixels as the engine says", nullable=True),
        *CREDIT,
        _column("preview_url", _TEXT, "a small version of the picture, as the engine says; null: none", nullable=True),
    ]
)

SEARCH_REJECTIONS = pa.schema(
    [
        _WNID,
        _column("engine", _TEXT, "engine whose item was refused"),
        _column("query", _TEXT, "text that was sent"),
        _column("language", _TEXT, "ISO 639-3 of the query"),
        _column("engine_id", _TEXT, "the provider's id of the item"),
        _column("url", _TEXT, "URL as received; empty: none"),
        _column("reason", _TEXT, "RejectReason"),
        _column("detail", _TEXT, "for people"),
    ]
)

BYTES_PLACE = [
    _column("final_url", _TEXT, "where redirects led; null: nowhere else", nullable=True),
    _column("sha256", _TEXT, "hex digest of the file as it came", nullable=True),
    _column(
        "pixel_sha256",
        _TEXT,
        "hex digest of the upright RGB pixels on white, as decoded",
        nullable=True,
    ),
    _column("shard", _TEXT, "tar file below images/", nullable=True),
    _column("offset", pa.int64(), "first byte of the file in the shard", nullable=True),
    _column("size", pa.int64(), "bytes", nullable=True),
    _column("format", _TEXT, "JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIF", nullable=True),
    _column("mode", _TEXT, "how the file stores pixels, in Pillow's words: RGB, L, P, CMYK, I;16", nullable=True),
    _column("width", pa.int32(), "pixels, upright", nullable=True),
    _column("height", pa.int32(), "pixels, upright", nullable=True),
    _column("has_alpha", pa.bool_(), "transparent parts were seen on white", nullable=True),
    _column("has_icc_profile", pa.bool_(), "the file names a colour space of its own", nullable=True),
    _column("frames", pa.int32(), "1, or more for animations and multi-page files", nullable=True),
    _column("orientation", pa.int8(), "EXIF orientation, 1 to 8", nullable=True),
    _column("dct_hash", pa.uint64(), "imagehash.phash of the upright picture, or nearly", nullable=True),
    _column("mirrored_hash", pa.uint64(), "the dct_hash of the picture mirrored left to right", nullable=True),
    _column("gradient_hash", pa.uint64(), "imagehash.dhash of the upright picture, or nearly", nullable=True),
    _column("tiny", pa.binary(3072), "32 x 32 RGB, row by row", nullable=True),
    _column("fetched_at", pa.timestamp("ms", tz="UTC"), "when the bytes came", nullable=True),
]

IMAGES = pa.schema([_WNID, _URL_KEY, _URL, *BYTES_PLACE])

REJECTIONS = pa.schema(
    [
        _WNID,
        _URL_KEY,
        _URL,
        _column("final_url", _TEXT, "where redirects led; null: nowhere else", nullable=True),
        _column("reason", _TEXT, "RejectReason"),
        _column("detail", _TEXT, "for people"),
        _column("attempts", pa.int32(), "requests made for it, over all sessions"),
        _column("refused_at", pa.timestamp("ms", tz="UTC"), "when it was refused last"),
    ]
)

DUPLICATES = pa.schema(
    [
        _WNID,
        _column("url_key", _TEXT, "the image that is not kept"),
        _column("duplicate_of", _TEXT, "url_key of the kept image of its group"),
        _column("reason", _TEXT, "exact (same file), same_pixels, near, mirrored"),
        _column("distance", pa.float32(), "part of what there is to see that differs, 0 to 1; 0: the same pixels"),
        _column("dct_distance", pa.int16(), "bits of 64 that differ; of mirrored images, to the mirrored one"),
        _column("gradient_distance", pa.int16(), "bits of 64 that differ"),
    ]
)

PAIRS = pa.schema(
    [
        _column("left", _TEXT, "pixel_sha256 of one image"),
        _column("right", _TEXT, "pixel_sha256 of the other"),
        _column("state", pa.int8(), "0 proposed only, 1 different, 2 the same picture"),
        _column("mirrored", pa.bool_(), "the same picture, mirrored"),
        _column("distance", pa.float32(), "as in DUPLICATES; 1: not looked at closely"),
    ]
)
"""What is known of the pairs of one synset: kept, so that new images are compared without comparing the old ones."""


def _side(prefix: str, whose: str) -> list[pa.Field]:
    return [
        _column(f"{prefix}engine", _TEXT, f"engine of the best hit of {whose} image"),
        _column(f"{prefix}query", _TEXT, "text that was sent for it"),
        _column(f"{prefix}rank", pa.int32(), "place in the engine's answer, from 0"),
    ]


CONFLICTS = pa.schema(
    [
        _WNID,
        _column("url_key", _TEXT, "kept image of this synset"),
        _column("other_wnid", _TEXT, "synset that holds the same picture"),
        _column("other_url_key", _TEXT, "kept image of that synset"),
        _column("related", pa.bool_(), "one synset stands above the other: one picture at two depths, no error"),
        _column("reason", _TEXT, "exact, same_pixels, near, mirrored"),
        _column("distance", pa.float32(), "as in DUPLICATES"),
        *_side("", "this"),
        *_side("other_", "the other"),
    ]
)

LEAKS = pa.schema(
    [
        _WNID,
        _column("url_key", _TEXT, "image that shows a listed picture"),
        _column("listed", _TEXT, "name of that picture in its list"),
        _column("reason", _TEXT, "exact, same_pixels, near, mirrored; hash: the list has no pictures to compare"),
        _column("distance", pa.float32(), "as in DUPLICATES; of reason hash, differing bits / 64"),
    ]
)

_QUERY_STRUCT = pa.struct(
    [
        pa.field("engine", _TEXT, nullable=False),
        pa.field("query", _TEXT, nullable=False),
        pa.field("language", _TEXT, nullable=False),
        pa.field("origin", _TEXT, nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
    ]
)

MANIFEST = pa.schema(
    [
        _column("candidate_id", _TEXT, "wnid, underscore, 16 hex digits of sha256(url_key)"),
        _WNID,
        _column("kept", pa.bool_(), "true: for verification; false: see duplicate_of"),
        _column("duplicate_of", _TEXT, "candidate_id of the kept picture of its group", nullable=True),
        _column("duplicate_reason", _TEXT, "exact, same_pixels, near, mirrored", nullable=True),
        _column("group_id", _TEXT, "candidate_id of the group's kept picture; its own where alone"),
        _column("conflicts", pa.list_(_TEXT), "wnids of other synsets that hold the same picture"),
        _column("leak", _TEXT, "the listed picture that it matches; null: none", nullable=True),
        _URL,
        _URL_KEY,
        *BYTES_PLACE,
        *CREDIT,
        _column("engines", pa.list_(_TEXT), "engines that found it, sorted"),
        _column("queries", pa.list_(_QUERY_STRUCT), "every hit that led to it, best query first"),
    ]
)

MANIFESTS = pa.schema(
    [
        _WNID,
        _column("name", _TEXT, "of the synset, as NLTK writes it"),
        _column("file", _TEXT, "its manifest, below the run's directory, with / on every system"),
        _column("rows", pa.int64(), "candidates in the file: kept + duplicates"),
        _column("seen", pa.int64(), "distinct addresses: kept + duplicates + refused + waiting"),
        _column("kept", pa.int64(), "candidates for verification"),
        _column("duplicates", pa.int64(), "candidates that show the same as a kept one"),
        _column("refused", pa.int64(), "addresses that gave no usable picture"),
        _column("waiting", pa.int64(), "addresses that were not fetched yet"),
        _column("bytes", pa.int64(), "length of the file"),
    ]
)
"""An index: one row per file `manifest/<wnid>.parquet`, by wnid."""
