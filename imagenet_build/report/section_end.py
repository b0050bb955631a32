"""Pure: what went wrong, where the numbers come from, every synset."""

from __future__ import annotations

from imagenet_build.charts.svg import escape
from imagenet_build.report.draft import Draft, Markup, code, prose
from imagenet_build.report.material import Material
from imagenet_build.report.words import counted, number, plain, synset_word

MOST_SYNSETS = 10_000


def troubles(draft: Draft, material: Material) -> None:
    """What went wrong and what to do."""
    draft.section("What went wrong, and what to do")
    if not material.troubles:
        draft.text("Nothing that this program knows of.")
    else:
        draft.table(
            "Everything that is not as it should be, or not finished.",
            ("what", "how many", "what to do"),
            [
                (prose(row.what), "" if row.number is None else number(row.number), prose(row.remedy))
                for row in material.troubles
            ],
            words=(2,),
            full=True,
        )
    absent = material.statistics.absent
    if absent:
        rows = "".join(f"<li>{escape(plain(row.section))}: {prose(row.why).html}</li>" for row in absent)
        draft.part("What could not be shown")
        draft.add(Markup(f"<ul>{rows}</ul>\n"))


def provenance(draft: Draft, material: Material) -> None:
    """Versions, configuration, hashes, the command."""
    identity = material.statistics.identity
    draft.section("Provenance")
    rows: list[tuple[str, str | Markup]] = [
        ("dataset", identity.name),
        ("built by", identity.program),
        ("counted by", identity.counted_by),
    ]
    rows += [("digest of the configuration", code(identity.config_hash))] if identity.config_hash else []
    rows += [("this page", code(material.command))] if material.command else []
    draft.table("Programs.", ("", ""), rows, words=(1,))
    if identity.inputs:
        draft.table(
            "What the numbers depend on, with the SHA-256 of each.",
            ("input", "SHA-256"),
            [(row.name, code(row.sha256) if row.sha256 else "not there any more") for row in identity.inputs],
            words=(1,),
        )
    if material.settings:
        draft.table(
            prose("Configuration: the keys that differ from their defaults. `config.yaml` in the run has all of them."),
            ("key", "value"),
            [(code(key), code(value)) for key, value in material.settings],
            words=(1,),
        )
    draft.text(
        "The paper: J. Deng, W. Dong, R. Socher, L.-J. Li, K. Li, L. Fei-Fei: ImageNet: a large-scale hierarchical "
        "image database. CVPR 2009."
    )


def every_synset(draft: Draft, material: Material) -> None:
    """All synsets, folded away, and not printed."""
    rows = material.statistics.synsets[:MOST_SYNSETS]
    if not rows:
        return
    draft.section("Every synset")
    has = {
        "hits": any(row.hits is not None for row in rows),
        "refused": any(row.refused is not None for row in rows),
        "accepted": any(row.accepted is not None for row in rows),
    }
    head = ["wnid", "synset", "depth", *[name for name in ("hits", "refused") if has[name]], "images"]
    head += ["accepted"] if has["accepted"] else []
    body = []
    for row in rows:
        cells = [row.wnid, synset_word(row.name), number(row.depth)]
        cells += [number(row.hits)] if has["hits"] else []
        cells += [number(row.refused)] if has["refused"] else []
        cells.append(number(row.images))
        cells += [number(row.accepted)] if has["accepted"] else []
        body.append(cells)
    left = len(material.statistics.synsets) - len(rows)
    more = f"; {counted(left, 'more')} are not listed" if left else ""
    draft.add(Markup(f'<details class="all"><summary>Show {counted(len(rows), "synset")}{more}</summary>\n'))
    draft.table("Every synset in numbers, by wnid.", head, body, words=(1,))
    draft.add(Markup("</details>\n"))
