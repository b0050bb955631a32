"""How many connections the system lets this process have: idle ones of many hosts add up beyond the usual 1024."""

from __future__ import annotations

import contextlib
import sys

WANTED = 65_536


def allow_many_connections() -> None:
    """Raise the soft limit of open files as far as the hard one allows, to `WANTED` at most; never lowers it."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # it stays as it is: fewer hosts at once still work
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
