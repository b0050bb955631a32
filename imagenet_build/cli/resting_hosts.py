"""How hosts that are left in peace are shown."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console

from imagenet_build.storage.run_status import RestingHost

MOST_LINES = 10
"""Lines of one kind that are printed; --json has them all."""


def print_resting(console: Console, resting: Sequence[RestingHost]) -> None:
    """Say which hosts are left in peace, and until when."""
    for host in resting[:MOST_LINES]:
        said = f"{host.host} is left in peace until {_clock(host.until)}; {host.waiting:,} URLs wait"
        console.print(said, highlight=False, markup=False, soft_wrap=True)
    more = resting[MOST_LINES:]
    if more:
        waiting = sum(host.waiting for host in more)
        said = f"{len(more):,} more hosts are, the last until {_clock(more[-1].until)}; {waiting:,} URLs wait"
        console.print(said, highlight=False, soft_wrap=True)


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
