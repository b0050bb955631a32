"""Pure: the beginning of a report: what the dataset is, how it shrank from hits to images, what it looks like."""

from __future__ import annotations

from collections.abc import Iterator

from imagenet_build.charts.bars import Bar, bar_chart
from imagenet_build.charts.numbers import grouped
from imagenet_build.charts.svg import escape
from imagenet_build.charts.treemap import treemap
from imagenet_build.report.draft import Draft, Markup, image, prose
from imagenet_build.report.material import Material, Sheet
from imagenet_build.report.words import counted, listed, share
from imagenet_build.stats.document import Statistics


def front(material: Material) -> Iterator[str]:
    """Title, subtitle and the paragraph of numbers."""
    statistics = material.statistics
    of = listed(material.roots, 4) if material.roots else f"{counted(statistics.totals.synsets, 'synset')} of WordNet"
    yield f"<h1>{escape(statistics.identity.name)}: what was built</h1>\n"
    yield f'<p class="lead">An image dataset of {escape(of)}, along the hierarchy of WordNet 3.0</p>\n'
    yield f'<div class="abstract"><p>{escape(abstract(statistics))}</p></div>\n'
    for note in material.notes:
        yield f"<p>{prose(note).html}</p>\n"


def abstract(statistics: Statistics) -> str:
    """The dataset in one paragraph."""
    totals, spread, found, sizes = (
        statistics.totals,
        statistics.images_per_synset,
        statistics.found_by,
        statistics.sizes,
    )
    kept = totals.kept if totals.kept is not None else totals.candidates or 0
    parts = [
        f"{counted(kept, 'image')} of {counted(totals.nonempty, 'synset')}; {counted(totals.synsets, 'synset')} "
        f"{'was' if totals.synsets == 1 else 'were'} asked for, so {share(totals.nonempty, totals.synsets)} have"
        " images."
    ]
    if totals.hits is not None and found is not None:
        ways = f"{counted(len(found.languages), 'language')} to {counted(len(found.engines), 'engine')}"
        asked = "Queries" if totals.queries is None else counted(totals.queries, "query", "queries")
        parts.append(
            f"{asked} in {ways} brought {counted(totals.hits, 'hit')}"
            f" on {counted(totals.distinct or 0, 'address', 'addresses')}."
        )
    if totals.candidates is not None:
        parts.append(
            f"{grouped(totals.candidates)} of these gave an image, {grouped(totals.refused or 0)} were refused;"
            f" {grouped(totals.duplicates or 0)} showed a picture that was there already."
        )
    if totals.distinct_pictures is not None and totals.distinct_pictures < kept:
        parts.append(
            f"The images show {counted(totals.distinct_pictures, 'different picture')}: some stand in several synsets."
        )
    if totals.accepted is not None:
        parts.append(f"Votes accept {grouped(totals.accepted)} images ({share(totals.accepted, kept)}).")
    overall = next((row for row in statistics.precision or () if row.depth is None), None)
    if overall is not None:
        parts.append(
            f"In an independent check {100 * overall.precision:.1f} % were right"
            f" (95 % interval {100 * overall.low:.1f} to {100 * overall.high:.1f} %)."
        )
    if spread.quantiles is not None:
        parts.append(f"A synset has {spread.mean:,.1f} images on average, median {spread.quantiles.median:,}.")
    if sizes is not None:
        parts.append(f"An image has {sizes.mean_width:,.0f} × {sizes.mean_height:,.0f} pixels on average.")
    return " ".join(parts)


def overview(draft: Draft, material: Material) -> None:
    """From hits to images, the treemap, and the two branches."""
    draft.section("The dataset at a glance")
    _branches(draft, material)
    _funnel(draft, material.statistics)
    _treemap(draft, material)


def _branches(draft: Draft, material: Material) -> None:
    if not material.branches:
        return
    rows = "".join(f'<div class="branch">{"".join(map(_sheet, branch))}</div>' for branch in material.branches)
    kind = "accepted" if material.of_accepted else "kept"
    below = any(sheet.has_below for branch in material.branches for sheet in branch)
    filled = " Where a synset has too few of its own, pictures from below it fill the sheet." if below else ""
    draft.figure(
        Markup(rows),
        "Branches of the hierarchy, from left to right from a general synset to one without anything below it, with "
        f"up to nine {kind} pictures of each, drawn at random.{filled} The number is that of the synset's own images. "
        "Compare Figure 1 of Deng et al. (2009).",
    )


def _sheet(sheet: Sheet) -> str:
    alt = f"{sheet.shown} pictures of {sheet.name}"
    picture = image(sheet.jpeg, "jpeg", alt, sheet.width, sheet.height).html
    return f"<div>{picture}<b>{escape(sheet.name)}</b><span>{sheet.images:,}</span></div>"


def _funnel(draft: Draft, statistics: Statistics) -> None:
    totals = statistics.totals
    if totals.hits is None:
        return
    steps = (
        ("hits", totals.hits, "every answer of an engine: synset, query, place, address"),
        ("addresses", totals.distinct, "distinct addresses of each synset"),
        ("candidates", totals.candidates, "addresses that gave a sound image"),
        ("kept", totals.kept, "candidates without duplicates of their synset"),
        ("accepted", totals.accepted, "kept images that votes accept"),
    )
    bars = [Bar(name, (float(value),), note) for name, value, note in steps if value is not None]
    draft.figure(
        bar_chart(bars, label="From hits to images", width=460),
        "From what engines answered to what is kept. An address counts once for each synset that found it; a candidate "
        "is an address whose image came and is sound; of candidates of one synset that show the same picture, one is "
        "kept.",
        layout="narrow",
    )


def _treemap(draft: Draft, material: Material) -> None:
    images = {row.wnid: row.images for row in material.statistics.synsets}
    if not any(images.values()):
        return
    tree = material.places.node("", material.word, images)
    drawing = treemap(tree, label="Treemap of the images", unit="images", height=560, smallest=14)
    draft.figure(
        drawing,
        "Where the images are. Each rectangle is a synset with everything below it, its area the number of images; "
        "large branches have a colour each. A rectangle's own images are the part that no other rectangle covers.",
        layout="wide",
    )


def samples(draft: Draft, material: Material) -> None:
    """Sheets of synsets at several depths."""
    if not material.samples:
        return
    draft.section("Pictures at several depths")
    kind = "accepted" if material.of_accepted else "kept"
    rows = [
        (
            str(sheet.depth if sheet.depth is not None else ""),
            Markup(f"<b>{escape(sheet.name)}</b><br>{escape(sheet.gloss)}"),
            f"{sheet.images:,}",
            image(sheet.jpeg, "jpeg", f"{sheet.shown} pictures of {sheet.name}", sheet.width, sheet.height),
        )
        for sheet in material.samples
    ]
    draft.table(
        prose(
            f"Synsets drawn at random from each depth (steps below entity.n.01), with {kind} pictures drawn at random. "
            "Deeper synsets are more specific, and harder to get right."
        ),
        ("depth", "synset", "images", "pictures"),
        rows,
        words=(1, 3),
        full=True,
        look="strips",
    )
