"""Names to addresses: asked for once, kept for a while, and checked before anything connects to them.

The check sits in the resolver, so the connection is made to the very address that was checked.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult

from imagenet_build.errors import HostUnknown, NoConnection, SourceError
from imagenet_build.network.addresses import AddressPolicy

KEEP_S = 300.0
"""The system's resolver tells no lifetimes; five minutes is what most names of hosts with pictures allow."""
KEEP_UNKNOWN_S = 60.0
"""That a name does not resolve is believed for so long, ..."""
KEEP_FAILED_S = 5.0
"""... and that the name service gave no answer for so long."""
LOOKUPS_AT_ONCE = 64
MOST_NAMES = 20_000
_UNKNOWN = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})

Addresses = list[tuple[int, str]]
"""(address family, address in numbers)."""
LookUp = Callable[[str, int], Addresses]
"""(name, address family or AF_UNSPEC) -> its addresses, best first; blocks; raises OSError."""


def ask_system(host: str, family: int) -> Addresses:
    """The operating system's answer (`getaddrinfo`)."""
    found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    addresses = []
    for kind, _, _, _, place in found:
        address = str(place[0])
        if len(place) == 4 and place[3]:  # a link-local address and its interface
            address = f"{address.partition('%')[0]}%{place[3]}"
        addresses.append((int(kind), address))
    return list(dict.fromkeys(addresses))


@dataclass(frozen=True, slots=True)
class _Known:
    until_s: float
    addresses: tuple[tuple[int, str], ...] = ()
    error: tuple[type[SourceError], str] | None = None


class CachingResolver(AbstractResolver):
    """Resolves in threads of its own, each name once at a time; refuses names with any address that the policy refuses.

    What is known is kept in memory, `MOST_NAMES` at most; the longest unused leaves first.
    """

    def __init__(self, policy: AddressPolicy, *, timeout_s: float = 10.0, look_up: LookUp = ask_system) -> None:
        """`timeout_s`: for one name; the lookup itself goes on, and who asks later finds what it brought."""
        self._policy = policy
        self._timeout_s = timeout_s
        self._look_up = look_up
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
        self._asking: dict[tuple[str, int], asyncio.Task[_Known]] = {}
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a host, all checked.

        Raises:
            AddressRefused: one of them is not allowed.
            HostUnknown: the name does not resolve.
            NoConnection: the name service gave no answer.
        """
        name = (host.lower(), int(family))
        known = self._known.get(name)
        if known is None or known.until_s <= time.monotonic():
            known = await self._ask(name)
        else:
            self._known.move_to_end(name)
        if known.error is not None:
            kind, message = known.error
            raise kind(message, source=host)
        for _, address in known.addresses:
            self._policy.check(host, address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, address in known.addresses
        ]

    async def close(self) -> None:
        """Let the threads go; those that still wait for an answer end by themselves."""
        for task in self._asking.values():
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, name: tuple[str, int]) -> _Known:
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._keep(name))
        done, _ = await asyncio.wait((task,), timeout=self._timeout_s)
        if not done:
            raise NoConnection(f"no answer about {name[0]} from the name service", source=name[0])
        return task.result()

    async def _keep(self, name: tuple[str, int]) -> _Known:
        host, family = name
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, self._look_up, host, family)
            known = _Known(time.monotonic() + KEEP_S, tuple(found))
        except (OSError, UnicodeError) as error:
            known = _failure(host, error)
        finally:
            del self._asking[name]
        self._known[name] = known
        while len(self._known) > MOST_NAMES:
            self._known.popitem(last=False)
        return known


def _failure(host: str, error: OSError | UnicodeError) -> _Known:
    """What a failed lookup stands for. A name that cannot be encoded cannot exist either."""
    if isinstance(error, UnicodeError) or error.errno in _UNKNOWN:
        reason = "cannot be encoded" if isinstance(error, UnicodeError) else error.strerror
        return _Known(time.monotonic() + KEEP_UNKNOWN_S, (), (HostUnknown, f"{host} is not known: {reason}"))
    message = f"the name service knows nothing of {host} for now: {error.strerror or error}"
    return _Known(time.monotonic() + KEEP_FAILED_S, (), (NoConnection, message))
