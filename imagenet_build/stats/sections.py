"""The parts of a statistics document: counts of synsets, pictures, finders, refusals. Values only, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

FEW_IMAGES = 10
"""A synset with fewer images than these has very few: too few to train and test on."""
MANY_IMAGES = 500
"""ImageNet's own line: the paper plans 500 to 1000 images a synset, and ImageNet-21K-P keeps those with more."""


@dataclass(frozen=True, slots=True)
class Totals:
    """One number each. None: the run has not come that far, or has no such table."""

    synsets: int
    """That were to be built, or that stand in the table."""
    nonempty: int
    """With at least one kept image."""
    left_out: int | None = None
    """Synsets that a safety gate or a list of the user's kept out."""
    queries: int | None = None
    hits: int | None = None
    """(synset, engine, query, rank) -> URL."""
    distinct: int | None = None
    """Distinct (synset, URL) among the hits."""
    waiting: int | None = None
    """Distinct (synset, URL) not fetched yet."""
    refused: int | None = None
    """Distinct (synset, URL) that the download refused."""
    candidates: int | None = None
    """Rows of the manifests: (synset, URL) that gave an image."""
    duplicates: int | None = None
    """Candidates that show the picture of another one of their synset."""
    kept: int | None = None
    """Candidates that are left. An image in two synsets counts twice. Of a table: its images."""
    distinct_pictures: int | None = None
    """Kept pictures by their pixels: one in two synsets counts once."""
    kept_bytes: int | None = None
    """Bytes of the kept images' files; a file in two synsets counts twice."""
    accepted: int | None = None
    """Kept images with the verdict accepted; None: nobody has judged."""
    rejected: int | None = None
    undecided: int | None = None
    unasked: int | None = None
    """Kept images without a verdict."""


@dataclass(frozen=True, slots=True)
class Bin:
    """How many things have a whole number from `low` to `high`, both included."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of whole numbers; the value at a share p is the smallest that at least p of them do not exceed."""

    least: int
    q05: int
    q25: int
    median: int
    q75: int
    q95: int
    most: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The `rank` synsets with the most images: the last of them has `images`, together they have `share` of all."""

    rank: int
    images: int
    share: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class ImagesPerSynset:
    """How images are spread over synsets; synsets without images count (CVPR 2009, Figure 2)."""

    of: str
    """What counts as an image: kept, accepted, listed (in a table), candidates (of a run without manifests yet)."""
    synsets: int
    images: int
    mean: float
    quantiles: Quantiles | None
    """None: no synset."""
    empty: int
    """Synsets without images."""
    few: int
    """Synsets with fewer than FEW_IMAGES images, empty ones included."""
    many: int
    """Synsets with more than MANY_IMAGES images."""
    histogram: tuple[Bin, ...]
    """Synsets by number of images: bins 0, 1, 2 to 4, 5 to 9, 10 to 19, 20 to 49, ..., without gaps."""
    curve: tuple[CurvePoint, ...]
    """Synsets by images, most first; at most 200 points."""


@dataclass(frozen=True, slots=True)
class LevelRow:
    """What stands at one depth or height."""

    level: int
    """Steps."""
    synsets: int
    nonempty: int
    images: int
    """Kept, or listed."""


@dataclass(frozen=True, slots=True)
class SubtreeRow:
    """A high-level category, as in the table on ImageNet's site."""

    category: str
    """The site's word for it, or the synset's first lemma."""
    wnid: str
    name: str
    synsets: int
    """Synsets of the run or table that are the category's synset or stand below it by hyponymy, once each."""
    nonempty: int
    images: int
    """Of these synsets: kept, or listed. A picture in two of them counts twice, as on the site."""
    average: float
    """Images for each of `synsets`; 0 without synsets."""
    accepted: int | None
    is_root: bool
    """Asked for (`--root`), or a root of the run's configuration; the others are the site's categories."""
    levels: tuple[LevelRow, ...]
    """By fewest steps below the category's synset (CVPR 2009, Figure 6, shows this of mammal)."""


@dataclass(frozen=True, slots=True)
class HierarchyShape:
    """Where the synsets stand (CVPR 2009, Figure 6)."""

    depths: tuple[LevelRow, ...]
    """By fewest steps up to a synset without parents; entity.n.01 has 0."""
    heights: tuple[LevelRow, ...]
    """By most steps down to a synset of the run or table; one with none of them below has 0."""


@dataclass(frozen=True, slots=True)
class FoundByRow:
    """What one language, engine or query origin brought. A picture is a duplicate group of one synset."""

    name: str
    hits: int
    distinct: int
    """Distinct (synset, URL) among these hits."""
    kept: int
    """Kept pictures that it found, itself or as one of their copies."""
    alone: int
    """Of these, pictures of which no other one found any copy."""
    accepted: int | None
    """Of `kept`, those accepted."""


@dataclass(frozen=True, slots=True)
class FoundBy:
    """Who found what; rows by kept pictures, most first."""

    languages: tuple[FoundByRow, ...]
    """ISO 639-3 codes of the queries; zxx: ids of concepts."""
    engines: tuple[FoundByRow, ...]
    origins: tuple[FoundByRow, ...]
    """How the query came about (records.Origin)."""


@dataclass(frozen=True, slots=True)
class NamedCount:
    """Kept images that share something."""

    name: str
    kept: int
    accepted: int | None = None


@dataclass(frozen=True, slots=True)
class HostRow:
    """Where images lie."""

    host: str
    kept: int
    refused: int
    """(synset, URL) of it that the download refused."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of the image URLs."""

    hosts: int
    """Distinct ones with a kept or refused image."""
    top: tuple[HostRow, ...]
    """Those with the most kept images, most first."""
    rest: HostRow
    """All others together."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the kept images, upright, in pixels; an image in two synsets counts twice."""

    images: int
    mean_width: float
    """Beside `mean_height`: CVPR 2009, section 2, names around 400 x 350."""
    mean_height: float
    width: Quantiles
    height: Quantiles
    shorter_side: Quantiles
    shorter_sides: tuple[Bin, ...]
    """Images by their shorter side in pixels; bins 1 to 31, then from each power of 2 to the next."""
    mean_bytes: float
    """Of a file."""
    formats: tuple[NamedCount, ...]


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Why things were refused."""

    stage: str
    """search (items of engines' answers) or download (synset, URL)."""
    reason: str
    """records.RejectReason."""
    count: int
    transient: bool
    """Trying again later may help: `retry --class transient`."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Images of one synset that show one picture."""

    groups: int
    """With at least two images."""
    reasons: tuple[tuple[str, int], ...]
    """(exact, same_pixels, near or mirrored; images that are not kept because of it), most first."""


@dataclass(frozen=True, slots=True)
class ConflictPair:
    """Two synsets that hold the same pictures."""

    wnid: str
    name: str
    other_wnid: str
    other_name: str
    related: bool
    pictures: int


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The same picture in two synsets; a pair of synsets and a picture count once."""

    related: int
    """One synset stands above the other: one picture at two depths, no error."""
    unrelated: int
    """Questions for verification."""
    pictures: int
    """Kept images of a synset that stand in an unrelated one too."""
    synsets: int
    """Synsets with such images."""
    pairs: tuple[ConflictPair, ...]
    """The unrelated pairs of synsets that share the most pictures, most first, at most 20."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """Images that show a picture of an excluded list (a test set)."""

    images: int
    kept: int
    """Kept images that stand for such an image."""
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ColourStatistics:
    """Of the 32 x 32 RGB pictures of all kept images, in [0, 1], channels R, G, B: what torchvision's Normalize takes.

    Making a picture smaller averages its pixels: the standard deviation of the full pictures is somewhat larger.
    """

    images: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """Of all pixels of all images, each image weighing the same; divided by their number."""
