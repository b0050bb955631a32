"""A crew whose members live in the session's own event loop: what is said is pickled, and takes its time.

Members can be lost at any message, and stay at work for a while although nobody hears of them.
"""

from __future__ import annotations

import asyncio
import pickle
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from imagenet_build.contracts import Post
from imagenet_build.download.crew_messages import FetchUrl, Found, OpenHost, Resting
from imagenet_build.download.crew_post import FetchPost
from imagenet_build.errors import MemberLost


@dataclass
class CrewHere:
    """What goes wrong, and when. Messages are counted over all members, in both directions."""

    size: int = 2
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    slow_s: float = 0.0
    """Messages are under way for up to so long."""
    lose_at: frozenset[int] = frozenset()
    """At these transports of messages the member is lost, before or after they arrive."""
    stays_s: float = 0.0
    """A lost member goes on for so long, cut off."""
    late_s: float = 0.0
    """All but the first come so much later."""
    no_more_than: int = 1000
    """Members that can be hired altogether."""
    asked: int = 0
    hired: list[MemberHere] = field(default_factory=list)
    in_hand: Counter[str] = field(default_factory=Counter)
    """URLs that a member had when it was lost."""
    transports: int = 0
    told: list[Any] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)
    _ends: list[asyncio.Task[None]] = field(default_factory=list)

    async def hire(self, make: Callable[[str], Post]) -> MemberHere:
        if self.asked >= self.no_more_than:
            raise MemberLost("there is no place for it")
        self.asked += 1
        if self.asked > 1:
            await asyncio.sleep(self.late_s)
        post = _sent(make)(f"member{len(self.hired)}")
        assert isinstance(post, FetchPost)
        await post.start()
        member = MemberHere(self, post, f"member{len(self.hired)}")
        self.hired.append(member)
        return member

    def lose(self, member: MemberHere) -> None:
        """From now on nobody hears of it."""
        member.is_lost = True
        self.in_hand.update(member.urls.values())
        self._ends.append(asyncio.get_running_loop().create_task(self._end(member)))

    async def _end(self, member: MemberHere) -> None:
        await asyncio.sleep(self.stays_s)
        await member.close()

    def is_over(self) -> bool:
        """Every member has ended."""
        return all(member.is_closed for member in self.hired)


class MemberHere:
    """One of them."""

    def __init__(self, crew: CrewHere, post: FetchPost, name: str) -> None:
        self._crew = crew
        self._post = post
        self.name = name
        self.urls: dict[int, str] = {}
        self.opened: list[str] = []
        self.is_lost = False
        self.is_closed = False

    async def tell(self, messages: Sequence[Any]) -> None:
        await self._under_way()
        self._check(False)
        is_lost, arrives = self._is_to_be_lost()
        if arrives:
            sent = _sent(messages)
            self.urls.update({message.number: message.url for message in sent if isinstance(message, FetchUrl)})
            self.opened += [message.host for message in sent if isinstance(message, OpenHost)]
            self._crew.told += sent
            self._post.tell(sent)
        self._check(is_lost)

    async def hear(self) -> Sequence[Any]:
        said = _sent(await self._post.hear(0.05))
        await self._under_way()
        if self.is_lost:
            raise MemberLost(f"{self.name} is lost", stays_s=self._crew.stays_s)
        is_lost, arrives = self._is_to_be_lost() if said else (False, True)
        if not arrives:
            self._check(is_lost)
        for message in said:
            if isinstance(message, Found | Resting):
                self.urls.pop(message.number, None)
        if is_lost:  # this arrives, the next does not
            self._crew.lose(self)
        self._crew.said += said
        return said

    async def dismiss(self) -> None:
        if not self.is_lost:
            await self.close()

    async def close(self) -> None:
        await self._post.close()
        self.is_closed = True

    async def _under_way(self) -> None:
        if self._crew.slow_s:
            await asyncio.sleep(self._crew.rng.uniform(0, self._crew.slow_s))

    def _is_to_be_lost(self) -> tuple[bool, bool]:
        """Whether now, and whether the messages arrive."""
        self._crew.transports += 1
        is_lost = self._crew.transports in self._crew.lose_at
        return is_lost, not is_lost or self._crew.rng.random() < 0.5

    def _check(self, is_lost: bool) -> None:
        if is_lost:
            self._crew.lose(self)
        if self.is_lost:
            raise MemberLost(f"{self.name} is lost", stays_s=self._crew.stays_s)


def _sent(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))
