"""No serious or critical finding of axe-core in the explorer and the annotator, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from imagenet_build.storage.layout import RunLayout
from tests.web.axe import axe_source, violations
from tests.web.server_threads import ServerThread, explorer_thread

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
else:
    Browser = Page = Any

WIDE = {"viewport": {"width": 1200, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
PROFILES = [
    pytest.param({**WIDE, "color_scheme": "light"}, id="wide-light"),
    pytest.param({**WIDE, "color_scheme": "dark"}, id="wide-dark"),
    pytest.param({**PHONE, "color_scheme": "light"}, id="phone"),
]


@pytest.fixture(scope="module")
def axe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    cache = getattr(request.config, "cache", None)  # pytest may run without one
    return axe_source(cache.mkdir("axe") if cache else tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="module")
def explorer(large: RunLayout) -> Iterator[str]:
    with explorer_thread(large.root) as server:
        yield server.url


def opened(browser: Browser, profile: dict[str, Any]) -> Page:
    page = browser.new_context(reduced_motion="reduce", **profile).new_page()
    page.set_default_timeout(10_000)
    return page


@pytest.mark.parametrize("profile", PROFILES)
def test_the_explorer(browser: Browser, explorer: str, axe: str, profile: dict[str, Any]) -> None:
    page = opened(browser, profile)
    page.goto(f"{explorer}/#/")
    page.wait_for_selector("#tree [role=treeitem]", state="attached")
    page.wait_for_selector(".treemap .cell")
    found = {"overview": violations(page, axe)}
    page.goto(f"{explorer}/#/synset/n01000000")
    page.wait_for_selector(".tile .badge")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found["synset"] = violations(page, axe)
    page.locator(".tile").first.click()
    page.wait_for_selector("#viewer .provenance")
    found["picture"] = violations(page, axe)
    page.keyboard.press("Escape")
    page.wait_for_url("**/#/synset/n01000000")  # closing goes back in the history, which takes its time
    page.goto(f"{explorer}/#/search/dog")
    page.wait_for_selector(".results a")
    found["search"] = violations(page, axe)
    page.goto(f"{explorer}/#/treemap")
    page.wait_for_selector(".filters + .treemap, .treemap .cell")
    found["treemap"] = violations(page, axe)
    if page.is_visible("#menu"):
        page.click("#menu")
        page.wait_for_selector("#side", state="visible")
        found["tree"] = violations(page, axe)
    page.context.close()
    assert found == {name: [] for name in found}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_annotator(browser: Browser, serving: ServerThread, axe: str, profile: dict[str, Any]) -> None:
    page = opened(browser, profile)
    page.goto(serving.url)
    page.wait_for_selector("#join-form")
    found = {"join": violations(page, axe)}
    page.fill("#join-name", "ada")
    page.click("#join-form button")
    page.wait_for_selector("#send:enabled")
    page.locator(".tile").nth(0).click()
    page.locator(".tile").nth(1).click(modifiers=["Shift"])
    found["page"] = violations(page, axe)
    page.keyboard.press("z")
    page.wait_for_selector("#zoom[open]")
    found["zoom"] = violations(page, axe)
    page.keyboard.press("Escape")
    page.wait_for_selector("#zoom", state="hidden")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    found["keys"] = violations(page, axe)
    page.context.close()
    assert found == {name: [] for name in found}
