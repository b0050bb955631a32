"""A plugin that makes every page slow, to find tests that wait for too little: `scripts/test -p tests.web.slow_pages`.

Answers of servers come after 200 ms, and scripts of pages run at a quarter of their speed. `SLOW_PAGES_MS` and
`SLOW_PAGES_TIMES` say otherwise. Source: the Chrome DevTools Protocol's domains Network and Emulation.
"""

from __future__ import annotations

import os
from typing import Any


def pytest_configure() -> None:
    """Called where this is a plugin, and not where it is only imported."""
    from playwright.sync_api import BrowserContext, Page

    open_page = BrowserContext.new_page

    def open_slow_page(context: BrowserContext, *arguments: Any, **options: Any) -> Page:
        page = open_page(context, *arguments, **options)
        protocol = context.new_cdp_session(page)
        protocol.send("Network.enable")
        latency = {"latency": float(os.environ.get("SLOW_PAGES_MS", "200"))}
        unlimited = {"downloadThroughput": -1, "uploadThroughput": -1}
        protocol.send("Network.emulateNetworkConditions", {"offline": False, **latency, **unlimited})
        protocol.send("Emulation.setCPUThrottlingRate", {"rate": float(os.environ.get("SLOW_PAGES_TIMES", "4"))})
        return page

    BrowserContext.new_page = open_slow_page  # type: ignore[method-assign]
