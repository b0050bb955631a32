"""Pure: what a set of verdicts amounts to, per synset and beside fixed majorities."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from imagenet_build.verify.agreement import krippendorff_alpha
from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.scores import expected_precision, score
from imagenet_build.verify.votes import NO_TRUTH, Answer, Decision, IntArray, VoteTable

FIXED_MAJORITIES = (3, 5, 10)


def summary(table: VoteTable, opinion: Opinion, verdicts: pd.DataFrame, truth: IntArray) -> dict[str, Any]:
    """The run of verdicts in numbers.

    Args:
        table: all recorded votes. verdicts: from `verdict_table`, with the votes that were used.
        truth: (Q,), to score by; `NO_TRUTH` where nobody knows.
    """
    precision, low, high = expected_precision(opinion.probability, opinion.accepted)
    found = float(opinion.probability[opinion.accepted].sum())
    result: dict[str, Any] = {
        "questions": len(table.questions),
        "workers": len(table.workers),
        "votes": len(table),
        "votes_used": int(verdicts["votes"].sum()),
        "votes_per_question": _rounded(verdicts["votes"].mean()),
        **{verdict.value: int((verdicts["verdict"] == verdict.value).sum()) for verdict in Decision},
        "expected_precision": _rounded(precision),
        "expected_precision_low": _rounded(low),
        "expected_precision_high": _rounded(high),
        "expected_recall": _rounded(found / max(1e-9, float(opinion.probability.sum()))),
        "krippendorff_alpha": _rounded(krippendorff_alpha(table.counts())),
        "repeated_votes_left_out": table.repeated,
    }
    if (truth != NO_TRUTH).any():
        result["scores"] = _scores(opinion, truth)
    return result


def compare_majorities(table: VoteTable, opinion: Opinion, truth: IntArray) -> list[dict[str, Any]]:
    """What a majority of the first 3, 5 and 10 votes would have cost and accepted.

    Its precision and recall are those expected by the probabilities of `opinion`; with a truth, scores are added.
    """
    rows = []
    for most in FIXED_MAJORITIES:
        counts = table.counts(np.flatnonzero(table.turn < most))
        votes = counts.sum(axis=1)
        accepted = 2 * counts[:, Answer.YES] > votes
        held = float(opinion.probability[accepted].sum())
        row: dict[str, Any] = {
            "majority_of": most,
            "votes_per_question": _rounded(votes.mean()),
            "accepted": int(accepted.sum()),
            "expected_precision": _rounded(held / accepted.sum() if accepted.any() else float("nan")),
            "expected_recall": _rounded(held / max(1e-9, float(opinion.probability.sum()))),
        }
        if (truth != NO_TRUTH).any():
            share = counts[:, Answer.YES] / np.maximum(1, votes)
            row["scores"] = _scores(Opinion(share, accepted, opinion.worth), truth)
        rows.append(row)
    return rows


def synset_rows(table: VoteTable, opinion: Opinion, verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per synset: votes used, verdicts, expected precision with its 95 % interval, agreement."""
    order = np.argsort(table.questions.synset, kind="stable")
    bounds = np.searchsorted(table.questions.synset[order], np.arange(len(table.questions.wnids) + 1))
    votes, counts = verdicts["votes"].to_numpy(), table.counts()
    said = verdicts["verdict"].to_numpy()
    rows = []
    for code, wnid in enumerate(table.questions.wnids):
        here = order[bounds[code] : bounds[code + 1]]
        accepted = opinion.accepted[here]
        precision, low, high = expected_precision(opinion.probability[here], accepted)
        rows.append(
            {
                "wnid": str(wnid),
                "questions": len(here),
                "votes_used": int(votes[here].sum()),
                "votes_per_question": _rounded(votes[here].mean()),
                **{verdict.value: int((said[here] == verdict.value).sum()) for verdict in Decision},
                "expected_precision": _rounded(precision),
                "expected_precision_low": _rounded(low),
                "expected_precision_high": _rounded(high),
                "krippendorff_alpha": _rounded(krippendorff_alpha(counts[here])),
            }
        )
    return rows


def _scores(opinion: Opinion, truth: IntArray) -> dict[str, Any]:
    found = asdict(score(opinion.probability, opinion.accepted, truth))
    return {name: _rounded(value) if isinstance(value, float) else value for name, value in found.items()}


def _rounded(value: float) -> float | None:
    """For a table; None for what cannot be said."""
    return None if np.isnan(value) else round(float(value), 4)
