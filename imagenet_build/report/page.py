"""Pure: material -> the page."""

from __future__ import annotations

from collections.abc import Iterator

from imagenet_build.report import section_end, section_overview, section_quality, section_scale, section_sources
from imagenet_build.report.draft import Draft, whole_page
from imagenet_build.report.material import Material
from imagenet_build.report.section_against import against

SECTIONS = (
    section_overview.overview,
    section_overview.samples,
    section_scale.scale,
    section_scale.hierarchy,
    against,
    section_sources.sources,
    section_sources.pictures,
    section_quality.cleaning,
    section_quality.diversity,
    section_quality.accuracy,
    section_quality.properties,
    section_end.troubles,
    section_end.provenance,
    section_end.every_synset,
)


def report_page(material: Material) -> Iterator[str]:
    """The page, piece by piece. Sections for which a run has nothing are left out.

    Args:
        material: what was gathered.
    """
    draft = Draft()
    for section in SECTIONS:
        section(draft, material)
    title = f"{material.statistics.identity.name}: what was built"
    footer = f"Written by {material.statistics.identity.counted_by}."
    yield from whole_page(title, section_overview.front(material), draft, footer)
