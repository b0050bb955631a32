"""Annotators with browsers: one Chromium, a profile for each, all at once."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from pathlib import Path
from typing import Any

import psutil

from tests.web.crowd import Annotator, ServeProcess, reached

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 120_000
KEPT = "key => JSON.parse(localStorage.getItem(key) || '[]').length"
RUN = "fetch('/api/me').then((said) => said.json()).then((me) => me.run)"


def find_browser() -> str | None:
    """The program, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


class BrowserAnnotator(Annotator):
    """Clicks and types."""

    def __init__(self, name: str, server: ServeProcess, context: Any) -> None:
        super().__init__(name, server)
        self._context = context
        self.not_loaded = 0
        self.server_ms: list[float] = []
        """What the server itself spent on pages."""

    async def click_through(self, pages: int, think_s: float) -> None:
        page = await self._context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("requestfinished", self._note)
        page.on("response", self._note_server)
        await page.goto(self._server.url)
        await page.fill("#join-name", self._name)
        await page.click("#join-form button")
        rng = random.Random(self._name)
        for _ in range(pages):
            await page.wait_for_selector("#send:enabled, #done:visible")
            if await page.is_visible("#done"):
                break
            tiles = page.locator(".tile")
            count = await tiles.count()
            for place in rng.sample(range(count), min(6, count)):
                await tiles.nth(place).click(modifiers=["Shift"] if rng.random() < 0.2 else [])
            source = await tiles.nth(0).locator("img").get_attribute("src")
            said = await tiles.evaluate_all("tiles => tiles.map((tile) => tile.dataset.answer)")
            seen = {(source.split("/")[2], position): answer for position, answer in enumerate(said) if answer}
            self.not_loaded += count - len(seen)
            self.given.update(seen)
            await asyncio.sleep(rng.expovariate(1 / think_s) if think_s else 0)
            await page.keyboard.press("Enter")
            await page.wait_for_selector(f'.tile img[src="{source}"]', state="detached")
            self.answered_pages += 1
            self.answered.set()
        await page.wait_for_selector("#waiting:empty", state="attached")
        key = f"annotate/{await page.evaluate(RUN)}/{self._name}"
        while await page.evaluate(KEPT, f"{key}/queue"):
            await page.wait_for_event("requestfinished")
        assert not await page.evaluate(KEPT, f"{key}/refused"), "the server refused a page"
        await page.close()

    def _note(self, request: Any) -> None:
        spent = request.timing["responseEnd"] - request.timing["requestStart"]
        if "/api/page" in request.url:
            self.page_ms.append(spent)
        elif "/api/answers" in request.url:
            self.answers_ms.append(spent)
        elif "/pictures/" in request.url:
            self.picture_ms.append(spent)

    def _note_server(self, response: Any) -> None:
        told = response.headers.get("server-timing", "")
        if "/api/page" in response.url and "dur=" in told:
            self.server_ms.append(float(told.split("dur=")[1]))


async def drive_browsers(
    run: Path, annotators: int, pages: int, kills: int, *, think_s: float
) -> tuple[list[Annotator], ServeProcess]:
    """As `crowd.drive`, with browsers. `given` holds what stood on the screen when a page was sent.

    The browsers get little of the processor beside the server: elsewhere they have machines of their own.
    """
    from playwright.async_api import async_playwright

    server = ServeProcess(run)
    await asyncio.to_thread(server.start)
    async with async_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=sandbox)
        for process in psutil.Process().children(recursive=True):
            if "chrom" in process.name():
                process.nice(15)
        team = [
            BrowserAnnotator(f"worker {number}", server, await browser.new_context()) for number in range(annotators)
        ]
        work = asyncio.gather(*(one.click_through(pages, think_s) for one in team))
        for kill in range(kills):
            await reached(team, (kill + 1) * annotators * pages / (kills + 1))
            server.kill()
            await asyncio.to_thread(server.start)
        await work
        await browser.close()
    await asyncio.to_thread(server.stop)
    return list(team), server
