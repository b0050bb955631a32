"""The configuration: one frozen model per section, units in the names, unknown keys refused.

Every key says what a resumed run may do with it: `free` keys change how the work is done but no row (timeouts, paces,
paths); `grow` keys are lists that may only gain entries (engines, languages, roots); all others are fixed for the life
of a run. `storage/run_record.py` enforces it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.config import JsonDict

from imagenet_build.config.verify_models import VerifyConfig

FREE: JsonDict = {"change": "free"}
GROW: JsonDict = {"change": "grow"}


def _beside_config(path: Path, info: ValidationInfo) -> Path:
    """Relative paths in a YAML file are meant from that file, so a configuration works from any directory."""
    base = (info.context or {}).get("base")
    path = path.expanduser()
    return path if path.is_absolute() or base is None else Path(base) / path


InputPath = Annotated[Path, AfterValidator(_beside_config)]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaxonomyConfig(Section):
    """Which synsets, from which WordNet."""

    wordnet_dir: InputPath | None = Field(None, json_schema_extra=FREE)
    omw_dir: InputPath | None = Field(None, json_schema_extra=FREE)
    any_version: bool = False
    roots: tuple[str, ...] = Field((), json_schema_extra=GROW)
    wnids: tuple[str, ...] = Field((), json_schema_extra=GROW)
    wnids_file: InputPath | None = Field(None, json_schema_extra=FREE)
    instances: bool = False
    safety: bool = True
    allowed_person_wnids_file: InputPath | None = Field(None, json_schema_extra=FREE)
    exclude_wnids_files: tuple[InputPath, ...] = Field((), json_schema_extra=FREE)


class QueriesConfig(Section):
    """How synsets become texts."""

    languages: tuple[str, ...] = Field(("cmn", "spa", "nld", "ita"), json_schema_extra=GROW)
    parent_words: bool = True
    expand: Literal["paper", "wide"] = "paper"
    concepts_file: InputPath | None = Field(None, json_schema_extra=FREE)


class EngineConfig(Section):
    """One engine. An engine ignores no key silently: what does not apply to it is refused by the registry."""

    name: str
    base_url: str | None = Field(None, json_schema_extra=FREE)
    index: InputPath | None = Field(None, json_schema_extra=FREE)
    accept_terms: bool = Field(False, json_schema_extra=FREE)
    pictures_url: str | None = Field(None, json_schema_extra=FREE)
    min_delay_s: Seconds | None = Field(None, json_schema_extra=FREE)


class SearchConfig(Section):
    """Which engines are asked, and for how much."""

    engines: tuple[EngineConfig, ...] = Field((), json_schema_extra=GROW)
    keys_file: InputPath | None = Field(None, json_schema_extra=FREE)
    licenses: tuple[str, ...] = ()
    candidates_per_synset: Count = 1000
    max_hits_per_query: Count = 500
    attempts: Count = Field(5, json_schema_extra=FREE)
    timeout_s: Annotated[float, Field(gt=0)] = Field(30.0, json_schema_extra=FREE)
    max_page_bytes: Count = Field(20_000_000, json_schema_extra=FREE)


class NetworkConfig(Section):
    """Who we say we are, and where we may connect."""

    contact: str = Field("", json_schema_extra=FREE)
    allow_addresses: tuple[str, ...] = Field((), json_schema_extra=FREE)


class HostRule(Section):
    """Manners towards one host."""

    min_delay_s: Seconds = 1.0
    concurrency: Count = 1


class DownloadConfig(Section):
    """What is fetched, how politely, and what is refused."""

    enabled: bool = True
    robots: bool = True
    opt_out_headers: tuple[str, ...] = ("noai", "noimageai", "noindex", "noimageindex")
    tdm_reservation: bool = True
    content_signals: bool = True
    previews_first: bool = False
    formats: tuple[Literal["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"], ...] = (
        "JPEG",
        "PNG",
        "WEBP",
        "GIF",
        "BMP",
        "TIFF",
        "AVIF",
        "HEIF",
    )
    min_side_px: Count = 64
    max_pixels: Count = 100_000_000
    max_bytes: Count = 30_000_000
    max_redirects: Annotated[int, Field(ge=0)] = 3
    placeholder_urls: Annotated[int, Field(ge=0)] = 10
    attempts: Count = Field(3, json_schema_extra=FREE)
    dead_after: Count = Field(12, json_schema_extra=FREE)
    connect_timeout_s: Annotated[float, Field(gt=0)] = Field(10.0, json_schema_extra=FREE)
    first_byte_timeout_s: Annotated[float, Field(gt=0)] = Field(15.0, json_schema_extra=FREE)
    timeout_s: Annotated[float, Field(gt=0)] = Field(30.0, json_schema_extra=FREE)
    least_bytes_per_s: Annotated[int, Field(ge=0)] = Field(1000, json_schema_extra=FREE)
    longest_rest_s: Seconds = Field(300.0, json_schema_extra=FREE)
    decode_memory_bytes: Count = Field(700_000_000, json_schema_extra=FREE)
    hosts_at_once: Count = Field(64, json_schema_extra=FREE)
    default_host: HostRule = Field(HostRule(), json_schema_extra=FREE)
    hosts: dict[str, HostRule] = Field(
        {
            "api.openverse.org": HostRule(min_delay_s=0.5, concurrency=1),
            "upload.wikimedia.org": HostRule(min_delay_s=1.0, concurrency=1),
            "thumb.wikimedia.org": HostRule(min_delay_s=0.5, concurrency=2),
            "live.staticflickr.com": HostRule(min_delay_s=1.0, concurrency=1),
            "inaturalist-open-data.s3.amazonaws.com": HostRule(min_delay_s=0.1, concurrency=4),
        },
        json_schema_extra=FREE,
    )
    shard_bytes: Count = Field(1_000_000_000, json_schema_extra=FREE)


class DedupConfig(Section):
    """Which pictures of one synset count as the same."""

    propose_bits: Annotated[int, Field(ge=0, le=32)] = 16
    gradient_bits: Annotated[int, Field(ge=0, le=32)] = 8
    propose_shape: Annotated[float, Field(gt=0, le=1)] = 0.72
    shape_agreement: Annotated[float, Field(gt=0, le=1)] = 0.84
    agreement: Annotated[float, Field(gt=0, le=1)] = 0.84
    tiny_difference: Annotated[float, Field(ge=0, le=1)] = 0.2
    tiny_worst: Annotated[float, Field(ge=0, le=255)] = 48.0
    conflict_bits: Annotated[int, Field(ge=0, le=8)] = 4
    leak_bits: Annotated[int, Field(ge=0, le=12)] = 8
    exclude: tuple[InputPath, ...] = ()
    licenses: tuple[str, ...] = ("cc0", "pdm", "by", "by-sa", "by-nc", "by-nc-sa", "by-nd", "by-nc-nd")


class ExecutionConfig(Section):
    """How the work is spread, over this machine or a cluster."""

    workers: Annotated[int, Field(ge=0)] = Field(0, json_schema_extra=FREE)
    executor: Literal["local", "ray"] = Field("local", json_schema_extra=FREE)
    ray_address: str = Field("auto", json_schema_extra=FREE)


class StorageConfig(Section):
    """How a run in an object store is kept; a run on a disk needs none of it."""

    snapshot_s: Annotated[float, Field(gt=0)] = Field(600.0, json_schema_extra=FREE)
    lease_s: Annotated[float, Field(gt=0)] = Field(60.0, json_schema_extra=FREE)


class BuildConfig(Section):
    """Everything one build needs to know."""

    taxonomy: TaxonomyConfig = TaxonomyConfig()
    queries: QueriesConfig = QueriesConfig()
    search: SearchConfig = SearchConfig()
    network: NetworkConfig = Field(NetworkConfig(), json_schema_extra=FREE)
    download: DownloadConfig = DownloadConfig()
    dedup: DedupConfig = Field(DedupConfig(), json_schema_extra=FREE)
    verify: VerifyConfig = Field(VerifyConfig(), json_schema_extra=FREE)
    execution: ExecutionConfig = Field(ExecutionConfig(), json_schema_extra=FREE)
    storage: StorageConfig = Field(StorageConfig(), json_schema_extra=FREE)

    def as_yaml_data(self) -> dict[str, Any]:
        """The configuration as plain lists, dicts and strings."""
        return self.model_dump(mode="json")
