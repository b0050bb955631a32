"""EDGE: where gold comes from: verdicts of the run, and the pictures of similar synsets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.gold import Gold, certain, unlike_synsets
from imagenet_build.verify.run_pictures import SynsetPictures, SynsetText
from imagenet_build.verify.vote_tables import VERDICTS, verdicts_folder
from imagenet_build.verify.votes import Decision

SIBLINGS = 3
"""Similar synsets that negatives are taken from."""
FROM_EACH = 100
_HELD = 64


class GoldSource:
    """Finds the gold of a synset at its first use.

    Args:
        wnids: synsets with pictures.
        pictures: loads those of one.
    """

    def __init__(
        self,
        layout: RunLayout,
        wnids: Sequence[str],
        texts: Mapping[str, SynsetText],
        pictures: Callable[[str], SynsetPictures],
    ) -> None:
        self._layout = layout
        self._wnids = wnids
        self._parents = {wnid: text.hypernyms for wnid, text in texts.items()}
        self._pictures = pictures
        self._found: OrderedDict[str, tuple[list[Gold], list[Gold]]] = OrderedDict()

    def of(self, wnid: str) -> tuple[list[Gold], list[Gold]]:
        """Pictures known to show a synset, and pictures known (or likely) not to."""
        if wnid not in self._found:
            positives = [Gold(image, "yes") for image in sorted(self._accepted(wnid))]
            self._found[wnid] = (positives, self._negatives(wnid))
            if len(self._found) > _HELD:
                self._found.popitem(last=False)
        return self._found[wnid]

    def _negatives(self, wnid: str) -> list[Gold]:
        own_files = set(self._pictures(wnid).sha256)
        found = []
        for other in unlike_synsets(wnid, self._wnids, self._parents, SIBLINGS):
            held = self._pictures(other)
            sure = self._accepted(other)
            usable = [
                str(image)
                for image, sha256, conflicts in zip(held.ids, held.sha256, held.conflicts, strict=True)
                if wnid not in conflicts and sha256 and sha256 not in own_files
            ]
            if sure:  # once a synset is judged, only what was found to show it
                found += [Gold(image, "no") for image in usable if image in sure][:FROM_EACH]
            else:
                found += [Gold(image, "likely no") for image in usable[:FROM_EACH]]
        return found

    def _accepted(self, wnid: str) -> set[str]:
        path = verdicts_folder(self._layout) / f"{wnid}.parquet"
        if not path.exists():
            return set()
        table = tables.read(path, VERDICTS)
        accepted = table["verdict"].to_numpy() == Decision.ACCEPTED.value
        sure = certain(table["probability"].to_numpy(), table["votes"].to_numpy()) & accepted
        return {image for image, is_sure in zip(table["image"].to_pylist(), sure.tolist(), strict=True) if is_sure}
