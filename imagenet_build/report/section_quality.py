"""Pure: what was refused and folded together, how diverse and how accurate the rest is."""

from __future__ import annotations

from collections.abc import Sequence

from imagenet_build.charts.axes import Axis
from imagenet_build.charts.bars import Bar, bar_chart
from imagenet_build.charts.histogram import Column, histogram
from imagenet_build.charts.lines import Curve, line_chart
from imagenet_build.charts.numbers import grouped, percent
from imagenet_build.charts.svg import escape
from imagenet_build.report.draft import Draft, Markup, image, prose
from imagenet_build.report.material import Material
from imagenet_build.report.words import counted, number, plain, synset_word
from imagenet_build.stats.document import PrecisionRow, Statistics, SynsetDiversity

MOST_ROWS = 15
AVERAGES_SHOWN = 8
_REASONS = {"exact": "same file", "same_pixels": "same pixels", "near": "near copy", "mirrored": "mirrored"}


def cleaning(draft: Draft, material: Material) -> None:
    """Refusals, duplicates, conflicts, leaks."""
    statistics = material.statistics
    if (statistics.refusals, statistics.duplicates, statistics.conflicts, statistics.leaks) == (None,) * 4:
        return
    draft.section("Cleaning")
    _refusals(draft, statistics)
    _duplicates(draft, statistics)
    _conflicts(draft, statistics)
    leaks = statistics.leaks
    if leaks is not None:
        draft.text(
            f"{counted(leaks.images, 'image')} show a picture of an excluded list (a test set); "
            f"{grouped(leaks.kept)} of them are kept and marked in the manifests."
        )


def _refusals(draft: Draft, statistics: Statistics) -> None:
    if not statistics.refusals:
        draft.text("Nothing was refused." if statistics.refusals is not None else "Refusals are not known.")
        return
    for stage, of in (("search", "Items of engines' answers"), ("download", "Addresses")):
        rows = [row for row in statistics.refusals if row.stage == stage]
        if rows:
            draft.figure(
                bar_chart(
                    [
                        Bar(plain(row.reason) + (" *" if row.transient else ""), (float(row.count),))
                        for row in rows[:MOST_ROWS]
                    ],
                    label=f"Refusals by reason, {stage}",
                    width=460,
                ),
                f"{of} that were refused, by reason."
                + (" After those with a star another try may help." if any(row.transient for row in rows) else ""),
                layout="narrow",
            )


def _duplicates(draft: Draft, statistics: Statistics) -> None:
    duplicates = statistics.duplicates
    if duplicates is None:
        return
    total = sum(count for _, count in duplicates.reasons)
    kinds = ", ".join(f"{grouped(count)} {_REASONS.get(reason, reason)}" for reason, count in duplicates.reasons)
    draft.text(
        f"{counted(total, 'candidate')} show the same picture as another one of their synset ({kinds or 'none'}), "
        f"in {counted(duplicates.groups, 'group')}; one picture of each group is kept."
        if total
        else "No two candidates of a synset show the same picture."
    )


def _conflicts(draft: Draft, statistics: Statistics) -> None:
    conflicts = statistics.conflicts
    if conflicts is None:
        return
    draft.text(
        f"The same picture in two synsets: {grouped(conflicts.related)} times the one synset stands above the other "
        f"(one picture at two depths, no error), {grouped(conflicts.unrelated)} times it does not. "
        f"{counted(conflicts.pictures, 'image')} of {counted(conflicts.synsets, 'synset')} are questions for people."
    )
    if conflicts.pairs:
        draft.table(
            "Unrelated synsets that share the most pictures. Mostly one word that means both.",
            ("synset", "and", "pictures"),
            [
                (
                    _synset(pair.name, pair.wnid),
                    _synset(pair.other_name, pair.other_wnid),
                    grouped(pair.pictures),
                )
                for pair in conflicts.pairs[:MOST_ROWS]
            ],
            words=(1,),
        )


def _synset(name: str, wnid: str) -> Markup:
    return Markup(f'{escape(synset_word(name))} <span class="quiet">{escape(wnid)}</span>')


def diversity(draft: Draft, material: Material) -> None:
    """Figure 5: average images and their sizes."""
    measured = material.statistics.diversity
    if not measured:
        return
    draft.section("Diversity")
    averaged = measured[0].averaged
    draft.text(
        f"How much the pictures of a synset differ, by the size of their average image (32 × 32 pixels) as a lossless "
        f"JPEG: different poses, backgrounds and appearances average to a grey blur, whose file is small. Each average "
        f"is over {averaged} pictures of a synset, so that synsets compare, and repeated with other pictures of it: "
        f"the interval holds 95 % of what such pictures would give. {counted(len(measured), 'synset')} with at least "
        f"{2 * averaged} pictures could be measured."
    )
    ordered = sorted(measured, key=lambda row: (row.bytes, row.wnid))
    shown = min(AVERAGES_SHOWN, len(ordered) // 2 or 1)
    most, least = ordered[:shown], ordered[-shown:][::-1]
    for rows, said in ((most, "The most diverse synsets"), (least, "The least diverse synsets")):
        cells = "".join(_average(material, row) for row in rows)
        draft.figure(
            Markup(f'<div class="averages">{cells}</div>'),
            f"{said}: the average of all kept pictures of each, and the size in bytes of averages of {averaged}, with "
            "its interval. A smaller file means more diverse pictures. Compare Figure 5 of Deng et al. (2009).",
        )
    if len(ordered) >= 2 * AVERAGES_SHOWN:
        _diversity_histogram(draft, ordered)


def _average(material: Material, row: SynsetDiversity) -> str:
    name = material.word(row.wnid)
    picture = material.averages.get(row.wnid)
    shown = image(picture, "png", f"Average picture of {name}", 112, 112).html if picture else ""
    said = f"{row.bytes:,.0f}<span>({row.low:,.0f}–{row.high:,.0f})</span>"
    return f"<div>{shown}<b>{escape(name)}</b><br>{said}</div>"


def _diversity_histogram(draft: Draft, ordered: Sequence[SynsetDiversity]) -> None:
    step = 100
    first, last = int(ordered[0].bytes) // step, int(ordered[-1].bytes) // step
    counts = dict.fromkeys(range(first, last + 1), 0)
    for row in ordered:
        counts[int(row.bytes) // step] += 1
    draft.figure(
        histogram(
            [
                Column(grouped(place * step), (float(count),), f"from {place * step:,}: {count:,} synsets")
                for place, count in counts.items()
            ],
            label="Synsets by the size of their average image",
            x=Axis("bytes of the average image as lossless JPEG"),
            y=Axis("synsets"),
            width=460,
            height=220,
        ),
        f"Synsets by the size of their average image, in steps of {step} bytes: diverse ones at the left.",
        layout="narrow",
    )


def accuracy(draft: Draft, material: Material) -> None:
    """Votes, and Figure 4: precision by depth."""
    statistics = material.statistics
    if statistics.precision is None and material.verification is None and statistics.totals.accepted is None:
        return
    draft.section("Accuracy")
    if statistics.precision:
        _precision(draft, statistics.precision)
    else:
        draft.text(
            prose(
                "Nobody has checked a sample of the accepted images independently yet (`imagenet-build stats sample`). "
                "What follows are the votes by which images were accepted, and what the judge expects of them."
            )
        )
    _verification(draft, material)


def _precision(draft: Draft, rows: Sequence[PrecisionRow]) -> None:
    by_depth = [row for row in rows if row.depth is not None]
    overall = next((row for row in rows if row.depth is None), None)
    if by_depth:
        low = min(0.5, *(row.low for row in by_depth)) if min(row.low for row in by_depth) < 0.8 else 0.8
        draft.figure(
            line_chart(
                [
                    Curve(
                        "precision",
                        [(float(row.depth or 0), row.precision) for row in by_depth],
                        [(row.low, row.high) for row in by_depth],
                        notes=[
                            f"{row.correct} of {row.pictures} pictures in {row.synsets} synsets" for row in by_depth
                        ],
                    )
                ],
                label="Precision by depth",
                x=Axis("depth of the synset"),
                y=Axis("precision", words=lambda value: percent(value, 0)),
                y_range=(low, 1.0),
                x_ticks=[float(row.depth or 0) for row in by_depth],
                width=460,
            ),
            "Precision at each depth in an independent check of sampled pictures, with 95 % intervals. Compare "
            "Figure 4 of Deng et al. (2009), where it is 99.7 % on average.",
            layout="narrow",
        )
    draft.table(
        "The independent check in numbers.",
        ("depth", "synsets", "pictures", "right", "precision", "95 % interval"),
        [
            (
                "all" if row.depth is None else str(row.depth),
                grouped(row.synsets),
                grouped(row.pictures),
                grouped(row.correct),
                percent(row.precision, 1),
                f"{percent(row.low, 1)} to {percent(row.high, 1)}",
            )
            for row in [*by_depth, *([overall] if overall else [])]
        ],
    )


def _verification(draft: Draft, material: Material) -> None:
    report = material.verification
    totals = material.statistics.totals
    if report is None or totals.accepted is None:
        return
    said = report.get("summary", {})
    rows = [
        ("pictures asked about", number(said.get("questions"))),
        ("people (or models) who voted", number(said.get("workers"))),
        ("votes", number(said.get("votes"))),
        ("votes per picture", number(said.get("votes_per_question"), 1)),
        ("accepted", number(totals.accepted)),
        ("rejected", number(totals.rejected)),
        ("undecided: more votes would help", number(totals.undecided)),
        ("kept images not asked about", number(totals.unasked)),
        ("expected precision of the accepted", _expected(said)),
        ("expected share of the true pictures that are accepted", _percent(said.get("expected_recall"))),
        ("agreement (Krippendorff's alpha; 1 is complete, 0 is chance)", number(said.get("krippendorff_alpha"), 2)),
    ]
    target = report.get("target_precision")
    aim = f", aiming at a precision of {percent(target)}" if target else ""
    draft.table(f"Verification by votes; method {report.get('method', '')}{aim}.", ("", ""), rows)
    majorities = report.get("majorities") or []
    if majorities:
        draft.table(
            "What a simple majority of the first votes would have done instead, as the judge expects it.",
            ("majority of", "votes per picture", "accepted", "precision", "share of true pictures"),
            [
                (
                    str(row.get("majority_of")),
                    number(row.get("votes_per_question"), 1),
                    number(row.get("accepted")),
                    _percent(row.get("expected_precision")),
                    _percent(row.get("expected_recall")),
                )
                for row in majorities
            ],
        )


def _percent(value: float | None) -> str:
    return "–" if value is None else percent(value, 1)


def _expected(said: dict[str, float | None]) -> str:
    low, high = said.get("expected_precision_low"), said.get("expected_precision_high")
    between = f" ({_percent(low)} to {_percent(high)})" if low is not None and high is not None else ""
    return _percent(said.get("expected_precision")) + between


def properties(draft: Draft, material: Material) -> None:
    """Table 1."""
    held = material.statistics.properties
    if not held:
        return
    draft.section("Properties")
    draft.table(
        "What the paper's Table 1 asks of datasets, answered for this one.",
        ("property", "means", "here", "because"),
        [(row.name, row.meaning, Markup(f"<b>{escape(row.holds)}</b>"), prose(row.evidence)) for row in held],
        words=(1, 2, 3),
        full=True,
    )
