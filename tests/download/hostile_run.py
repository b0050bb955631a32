"""The download stage over given URLs, in a process of its own, with a name service that is made up.

Whatever it would connect to outside one network is noted and not connected to.

python -m tests.download.hostile_run PLAN.json        (see `Plan`)
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext
from imagenet_build.storage.layout import RunLayout
from tests.download.staging import Download
from tests.fakes.hostile_places import SLOW

WNID = "n00000001"
SLOW_S = 6.0


@dataclass
class Plan:
    """What is run: written as JSON."""

    root: str
    urls: list[str]
    config: dict[str, Any]
    """Of the whole build."""
    names: dict[str, list[list[str]]]
    """Host name -> its addresses at the first lookup, the second, ..., and ever after."""
    network: str
    """Where it may connect to."""

    def download(self) -> Download:
        return _Download(Path(self.root), [(WNID, url) for url in self.urls], self.config)


class _Download(Download):
    @property
    def context(self) -> RunContext:
        return RunContext(RunLayout(self.root), BuildConfig.model_validate(self.config))


def made_up(names: dict[str, list[list[str]]]) -> Any:
    """Stands in for `socket.getaddrinfo`; names that it does not know are the system's."""
    asked: Counter[str] = Counter()
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        if host not in names:
            return system(host, port, family, type, proto, flags)
        addresses = names[host][min(asked[host], len(names[host]) - 1)]
        asked[host] += 1
        if addresses == [SLOW]:
            time.sleep(SLOW_S)
        if not addresses or addresses == [SLOW]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port or 0, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))
            for address in addresses
        ]

    return getaddrinfo


def confined(network: str, strays: list[str]) -> Any:
    """Stands in for an event loop's `sock_connect`."""
    allowed = ipaddress.ip_network(network)
    system = asyncio.selector_events.BaseSelectorEventLoop.sock_connect

    async def sock_connect(loop: Any, sock: socket.socket, address: Any) -> None:
        ip = ipaddress.ip_address(address[0].partition("%")[0])
        if ip.version != allowed.version or ip not in allowed:
            strays.append(f"{ip} port {address[1]}")
            raise OSError(errno.ENETUNREACH, "not in this test")
        await system(loop, sock, address)

    return sock_connect


def main() -> None:
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    strays: list[str] = []
    socket.getaddrinfo = made_up(plan.names)
    asyncio.selector_events.BaseSelectorEventLoop.sock_connect = confined(plan.network, strays)  # type: ignore[method-assign]
    plan.download().run()
    print(json.dumps({"strays": strays}))


if __name__ == "__main__":
    main()
