"""Which judges there are: the one table to extend."""

from __future__ import annotations

from collections.abc import Mapping

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.choice_judge import ChoiceJudge, is_choice
from imagenet_build.verify.hierarchy import lineage_of
from imagenet_build.verify.judge import Judge
from imagenet_build.verify.majority import MajorityJudge
from imagenet_build.verify.rates_judge import RatesJudge
from imagenet_build.verify.table_judge import TableJudge
from imagenet_build.verify.votes import IntArray, VoteTable

METHODS = ("rates", "table", "majority")


def make_judge(
    table: VoteTable, truth: IntArray, config: VerifyConfig, parents: Mapping[str, str] | None = None
) -> Judge:
    """The judge that `config.method` names.

    Args:
        truth: (Q,), gold, or `NO_TRUTH`; only `rates` learns from it.
        parents: wnid -> wnid of a parent, for synsets that borrow from theirs; only `rates` uses it.
    """
    if config.method == "majority":
        return MajorityJudge(table, min(config.majority_votes, config.max_votes))
    if config.method == "table":
        return TableJudge(table, config)
    if is_choice(table):
        return ChoiceJudge(table, truth, config)
    wnids = [str(wnid) for wnid in table.questions.wnids]
    return RatesJudge(table, truth, lineage_of(wnids, parents or {}), config)
