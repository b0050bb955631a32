"""What every method of turning votes into verdicts can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imagenet_build.verify.votes import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Opinion:
    """What a judge thinks of every question, from the votes it has been shown."""

    probability: FloatArray
    """(Q,), that the picture shows the synset."""
    accepted: BoolArray
    """(Q,)."""
    worth: FloatArray
    """(Q,), how much better the verdict would become by one more vote, in [0, 1]; 0 if it is settled."""


class Judge(Protocol):
    """Sees votes as they come; knows nothing of the others."""

    def reveal(self, rows: IntArray) -> None:
        """Take in the votes of these rows of the table, each row once."""
        ...

    def settle(self) -> None:
        """Learn whatever can be learnt from the votes so far."""
        ...

    def opinion(self, exhausted: BoolArray) -> Opinion:
        """What to think of every question now.

        Args:
            exhausted: (Q,), questions that nobody can be asked about any more.
        """
        ...
