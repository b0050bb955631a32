"""EDGE: the questions that a run's pictures are, one per kept candidate."""

from __future__ import annotations

import numpy as np

from imagenet_build.errors import DataError
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.run_pictures import load_pictures, synsets_with_pictures
from imagenet_build.verify.votes import Questions


def run_questions(layout: RunLayout) -> Questions:
    """Every kept candidate of a run and its synset, sorted by candidate_id, which begins with the wnid.

    Raises:
        DataError: there are no manifests, a manifest is damaged, or nothing was kept.
    """
    wnids = synsets_with_pictures(layout)
    names = [load_pictures(layout, wnid).ids for wnid in wnids]
    if not sum(map(len, names)):
        raise DataError(f"{layout.root} has no kept picture.")
    images = np.concatenate(names)
    synset = np.repeat(np.arange(len(wnids)), [len(ids) for ids in names])
    return Questions(np.arange(len(images)), synset, images, np.array(wnids, object))
