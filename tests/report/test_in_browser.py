"""The report in a real browser: Chromium, driven by Playwright."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.documents import counts, full
from tests.report.test_page import material, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser
else:
    Browser = Any

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@pytest.mark.parametrize("screen", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_is_styled_loads_nothing_and_fits(browser: Browser, tmp_path: Path, screen: dict[str, int]) -> None:
    file = tmp_path / "report.html"
    file.write_text(page_of(material(full(), against=counts())), encoding="utf-8")
    context = browser.new_context(viewport=screen)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url) if not request.url.startswith("data:") else None)
    page.goto(file.as_uri())
    assert said == [], "the page's own policy allows all that is in it"
    assert asked == [file.as_uri()]
    assert "Helvetica" in page.eval_on_selector("figcaption", "each => getComputedStyle(each).fontFamily")
    assert page.eval_on_selector_all("img", "all => all.every(each => each.complete && each.naturalWidth > 0)")
    too_wide = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(each => !each.closest('.scroll, .wide, svg') &&"
        " each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 90))"
    )
    assert too_wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    page.click("summary")
    assert page.is_visible("details table")
    context.close()


def test_it_prints(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page_of(material(full(), against=counts())), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    page.emulate_media(media="print")
    assert not page.is_visible("details.all")
    assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")
    page.close()
