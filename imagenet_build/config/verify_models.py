"""The section `verify` of the configuration: how votes become verdicts.

It imports nothing from `models`, which includes it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class VerifyConfig(BaseModel):
    """How many votes are asked for, and what is made of them.

    `target_precision`: share of true pictures wanted among the accepted; None for the best balanced accuracy.
    `least_gain`: a question is asked again while one more vote is expected to improve its verdict by this much, where 1
    is a true picture found. `table_*` belong to the method `table`, `majority_votes` to `majority`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["rates", "table", "majority"] = "rates"
    target_precision: Share | None = None
    max_votes: Count = 10
    least_gain: Annotated[float, Field(ge=0, le=1)] = 0.003
    majority_votes: Count = 5
    table_images: Count = 100
    table_votes: Count = 10
    table_accept: Share = 0.95
    table_reject: Share = 0.05
    seed: Annotated[int, Field(ge=0)] = 0
