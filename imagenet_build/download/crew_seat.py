"""A member of a crew, and what it has in hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from imagenet_build.contracts import Member
from imagenet_build.download.crew_messages import Found, ToMember
from imagenet_build.errors import HostResting


@dataclass(eq=False)
class Seat:
    """One member, as the session sees it."""

    member: Member
    hosts: set[str] = field(default_factory=set)
    """Whose lanes live there."""
    asked: dict[int, tuple[str, asyncio.Future[Found]]] = field(default_factory=dict)
    """Number of a URL -> its host, and who waits for it."""
    closing: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    """Hosts that are to be given back, and who waits for them."""
    outbox: list[ToMember] = field(default_factory=list)
    has_mail: asyncio.Event = field(default_factory=asyncio.Event)
    is_lost: bool = False

    def send(self, message: ToMember) -> None:
        """Put a message on its way."""
        self.outbox.append(message)
        self.has_mail.set()

    def mail(self) -> list[ToMember]:
        """What is to be sent now."""
        self.has_mail.clear()
        mail, self.outbox = self.outbox, []
        return mail

    def settle(self, number: int, outcome: Found | HostResting) -> None:
        """A URL is fetched, or its host is at rest."""
        host, answer = self.asked.pop(number, ("", None))
        if answer is None or answer.done():
            return
        if isinstance(outcome, HostResting):
            answer.set_exception(HostResting(outcome.message, source=host, until=outcome.until))
        else:
            answer.set_result(outcome)

    def leave(self, why: Exception) -> None:
        """Nothing will come from it any more: whoever waits for it is told."""
        waiting: list[asyncio.Future[Found] | asyncio.Future[None]] = [
            *(answer for _, answer in self.asked.values()),
            *self.closing.values(),
        ]
        for each in waiting:
            if not each.done():
                each.set_exception(why)
                each.exception()  # it may be that nobody asks any more
