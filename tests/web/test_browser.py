"""The annotator's work in a real browser: Chromium, driven by Playwright."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.exports.mturk import batch_html
from imagenet_build.verify.run_verdicts import publish_run_votes
from imagenet_build.verify.vote_tables import read_run_votes
from tests.web.crowd import ServeProcess
from tests.web.server_threads import ServerThread

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
else:
    Browser = Page = Any

Visit = Callable[..., Page]


@pytest.fixture
def visit_at(browser: Browser) -> Iterator[Visit]:
    """Open an annotator as somebody, in a browser profile of their own; errors on the page fail the test."""
    errors: list[str] = []
    contexts = []

    def open_page(url: str, name: str = "ada", **profile: Any) -> Page:
        context = browser.new_context(**profile)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.fill("#join-name", name)
        page.click("#join-form button")
        page.wait_for_selector("#send:enabled")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def visit(visit_at: Visit, serving: ServerThread) -> Visit:
    return partial(visit_at, serving.url)


def answers(page: Page) -> list[str]:
    return [str(tile.get_attribute("data-answer")) for tile in page.locator(".tile").all()]


def sources(page: Page) -> list[str]:
    return [str(image.get_attribute("src")) for image in page.locator(".tile img").all()]


def next_page(page: Page) -> None:
    """Send the page and wait for the one after it."""
    before = sources(page)[0]
    page.keyboard.press("Enter")
    page.wait_for_selector(f'.tile img[src="{before}"]', state="detached")
    page.wait_for_selector("#send:enabled")


def all_sent(page: Page) -> None:
    """Wait until the server has confirmed every page: those it has not are kept in the browser."""
    page.wait_for_function("""() => Object.entries(localStorage)
        .every(([key, kept]) => !key.endsWith("/queue") || kept === "[]")""")


def next_page_in_hand(page: Page) -> None:
    """Wait until the page after this one and its pictures have come."""
    page.wait_for_function(
        """(shown) => {
        const paths = performance.getEntriesByType("resource").map((one) => new URL(one.name).pathname);
        const come = new Set(paths.filter((path) => path.startsWith("/pictures/") && !shown.includes(path)));
        return come.size === shown.length;
    }""",
        arg=sources(page),
    )


def stored(run: RunLayout, server: ServerThread | ServeProcess) -> list[dict[str, Any]]:
    server.stop()
    publish_run_votes(run)
    return read_run_votes(run).to_pylist()


def test_with_mouse_and_keys_a_page_becomes_votes(visit: Visit, run: RunLayout, serving: ServerThread) -> None:
    page = visit()
    tiles = page.locator(".tile")
    count = tiles.count()
    tiles.nth(0).click()
    tiles.nth(1).click(modifiers=["Shift"])
    tiles.nth(2).click()
    tiles.nth(2).click()  # a second click takes it back
    page.keyboard.press("ArrowRight")  # from 2 to 3
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    wanted = ["yes", "unsure", "no", "yes", "unsure", *["no"] * (count - 5)]
    assert answers(page) == wanted
    assert tiles.nth(0).get_attribute("aria-label") == "Picture 1: yes"
    assert tiles.nth(0).get_attribute("aria-pressed") == "true"
    first = sources(page)[0].split("/")[2]
    next_page(page)
    all_sent(page)
    assert answers(page) == ["no"] * len(answers(page))
    rows = [row for row in stored(run, serving) if row["task"] == first]
    assert [row["answer"] for row in rows] == wanted
    assert [row["position"] for row in rows] == list(range(count))
    spent = [row["milliseconds"] for row in rows]
    assert all(value is not None for value in spent)
    assert spent[0] <= spent[1] <= spent[3] <= spent[4] <= spent[5]


def test_arrows_move_by_rows_and_columns(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    said = answers(page)
    tops = [tile.bounding_box() for tile in page.locator(".tile").all()]
    below = next(place for place, box in enumerate(tops) if box and tops[0] and box["y"] > tops[0]["y"])
    assert [place for place, answer in enumerate(said) if answer == "yes"] == [0, below]


def test_zoom_shows_the_whole_picture_and_closes(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("z")
    page.wait_for_selector("#zoom[open]")
    assert page.get_attribute("#zoom-image", "src") == f"{sources(page)[0]}/whole"
    page.keyboard.press("Escape")
    page.wait_for_selector("#zoom", state="hidden")
    assert answers(page)[0] == "no"


def test_back_brings_the_last_page_with_its_answers(visit: Visit, run: RunLayout, serving: ServerThread) -> None:
    page = visit()
    page.locator(".tile").nth(0).click()
    first = sources(page)
    next_page(page)
    all_sent(page)
    second = sources(page)
    page.keyboard.press("b")
    page.wait_for_selector(f'.tile img[src="{first[0]}"]')
    assert answers(page)[0] == "yes"
    page.locator(".tile").nth(0).click()
    page.locator(".tile").nth(1).click()
    next_page(page)
    assert sources(page) == second
    all_sent(page)
    rows = [row for row in stored(run, serving) if row["task"] == first[0].split("/")[2]]
    assert [row["answer"] for row in rows][:3] == ["no", "yes", "no"]
    assert len(rows) == len(first)


def test_after_a_reload_the_page_and_its_marks_are_there(visit: Visit) -> None:
    page = visit()
    page.locator(".tile").nth(3).click()
    before = sources(page), answers(page)
    page.reload()
    page.wait_for_selector("#send:enabled")
    assert (sources(page), answers(page)) == before


def test_without_a_server_answers_wait_and_are_sent_later(
    visit_at: Visit, run: RunLayout, serving_process: ServeProcess
) -> None:
    page = visit_at(serving_process.url)
    next_page_in_hand(page)
    first = [sources(page)]
    page.locator(".tile").nth(0).click()
    serving_process.kill()
    next_page(page)
    first.append(sources(page))
    page.locator(".tile").nth(1).click()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=2 pages are waiting to be sent", state="attached")
    page.wait_for_selector("#done:visible")
    assert "no connection" in page.inner_text("#done-about")
    serving_process.start()
    page.wait_for_selector("#send:enabled", timeout=20_000)
    all_sent(page)
    rows = stored(run, serving_process)
    for number, shown in enumerate(first):
        said = [row["answer"] for row in rows if row["task"] == shown[0].split("/")[2]]
        assert said == ["yes" if place == number else "no" for place in range(len(shown))]


def test_on_a_phone_three_columns_and_a_button_for_unsure(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    boxes = [tile.bounding_box() for tile in page.locator(".tile").all()]
    assert len({round(box["x"]) for box in boxes if box}) == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.tap("#mode-unsure")
    page.locator(".tile").nth(0).tap()
    page.tap("#mode-yes")
    page.locator(".tile").nth(1).tap()
    assert answers(page)[:3] == ["unsure", "yes", "no"]


def test_a_long_press_zooms_and_marks_nothing(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page.locator(".tile").nth(0).dispatch_event("pointerdown", {"pointerType": "touch"})
    page.wait_for_selector("#zoom[open]")
    page.locator(".tile").nth(0).dispatch_event("pointerup", {"pointerType": "touch"})
    page.locator(".tile").nth(0).dispatch_event("click")
    assert answers(page)[0] == "no"


def test_two_people_see_different_pictures_until_all_is_asked(
    visit: Visit, run: RunLayout, serving: ServerThread
) -> None:
    pages = [visit("ada"), visit("grace")]
    for _ in range(3):
        for page in pages:
            next_page(page)
    for page in pages:
        all_sent(page)
    rows = stored(run, serving)
    assert {row["worker"] for row in rows} == {"ada", "grace"}
    for worker in ("ada", "grace"):
        seen = [(row["image"], row["wnid"]) for row in rows if row["worker"] == worker]
        assert len(seen) == len(set(seen)) >= 30
    own = [{row["image"] for row in rows if row["worker"] == worker and not row["gold"]} for worker in ("ada", "grace")]
    assert not own[0] & own[1]


def test_at_the_end_it_says_so(visit: Visit) -> None:
    page = visit()
    for _ in range(20):
        page.wait_for_selector("#send:enabled, #done:visible")
        if page.is_visible("#done"):
            break
        page.keyboard.press("Enter")
    page.wait_for_selector("#done:visible")
    page.wait_for_selector("text=Thank you")


def test_an_invitation_link_lets_in_and_leaves_the_address_bar(browser: Browser, run: RunLayout) -> None:
    with ServeProcess(run.root, "--host", "0.0.0.0", "--annotator", "ada") as server:
        link = next(line.split("ada: ")[1].strip() for line in server.said if "ada: " in line)
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/{link.split('/', 3)[3]}")
        page.wait_for_selector("#send:enabled")
        assert "token" not in page.url
        assert page.inner_text("#progress-text").startswith("ada:")
        context.close()


def test_the_mturk_page_writes_its_answers(browser: Browser) -> None:
    dot = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    filled = {"page": "p1", "picture_1": dot, "picture_2": dot, "picture_3": dot}
    html = re.sub(r"\$\{(\w+)\}", lambda found: filled.get(found[1], ""), batch_html(5))
    page = browser.new_page()
    page.route("**/*", lambda route: route.abort())
    page.set_content(html)
    assert page.locator("#grid button").count() == 3
    page.locator("#grid button").nth(0).click()
    page.locator("#grid button").nth(2).dblclick()
    assert page.input_value("#answers") == "ynu"
    assert len(page.input_value("#milliseconds").split()) == 3
    assert page.input_value("input[name=page]") == "p1"
    page.close()
