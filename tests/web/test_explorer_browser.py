"""The explorer in a real browser: the way of somebody who looks for a synset and for where a picture comes from."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config, writing
from imagenet_build.web.sessions import invitation
from tests.web.server_threads import explorer_thread

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
else:
    Browser = Page = Any

Visit = Callable[..., Page]
OWN = ("http://127.0.0.1:", "data:")
FULLEST = "n01000000"
"""The generated run's first synset has most pictures."""


@pytest.fixture(scope="module")
def explorer(large: RunLayout) -> Iterator[str]:
    with explorer_thread(large.root) as server:
        yield server.url


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open an address in a profile of its own; errors on the page fail the test."""
    errors: list[str] = []
    contexts = []

    def open_page(address: str, **profile: Any) -> Page:
        context = browser.new_context(**profile)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: request.url.startswith(OWN) or errors.append(request.url))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def wait_for_filter(page: Page, name: str) -> None:
    """Until the pictures of this filter are drawn: those of another one stay on the page until they come."""
    page.wait_for_selector(f'.filters [aria-current="true"]:has-text("{name}")')
    page.wait_for_selector(".tile")


def name_of(large: RunLayout, wnid: str) -> str:
    rows = pq.read_table(large.synsets, filters=[("wnid", "=", wnid)]).to_pylist()
    return str(rows[0]["lemmas"][0])


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.dataset.wnid || document.activeElement.id || ''"))


def test_search_synset_picture_and_back(visit: Visit, explorer: str, large: RunLayout) -> None:
    page = visit(f"{explorer}/")
    page.wait_for_selector("h1:has-text('Run run')")
    page.keyboard.press("/")
    assert focused(page) == "asked"
    page.keyboard.type(FULLEST)
    page.wait_for_selector(f"h1:has-text('for “{FULLEST}”')")  # on a slow machine, beginnings of it are looked for too
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h1:has-text('{name_of(large, FULLEST)}')")
    assert page.url.endswith(f"#/synset/{FULLEST}")
    page.wait_for_selector(f'#tree [data-wnid="{FULLEST}"][aria-current=page]')
    page.locator(".tile").nth(1).click()
    page.wait_for_selector("#viewer .provenance")
    first = page.url
    assert "/picture/" in first
    assert page.inner_text("#viewer [role=status]").endswith(f"2 of {len(tiles_of(large))}")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#viewer [role=status]:has-text('3 of')")
    assert page.url != first
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#viewer [role=status]:has-text('1 of')")
    assert page.locator("#viewer .stage img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    page.wait_for_url(f"**/#/synset/{FULLEST}")
    page.go_back()
    page.wait_for_selector(".results a")
    assert page.input_value("#asked") == FULLEST
    page.go_back()
    page.wait_for_selector("h1:has-text('Run run')")


def tiles_of(large: RunLayout) -> list[str]:
    rows = pq.read_table(large.manifest(FULLEST), columns=["candidate_id", "kept"]).to_pylist()
    return [row["candidate_id"].split("_")[1] for row in rows if row["kept"]]


def test_every_address_can_be_opened_and_reloaded(visit: Visit, explorer: str, large: RunLayout) -> None:
    one = tiles_of(large)[4]
    page = visit(f"{explorer}/#/synset/{FULLEST}/picture/{one}?show=all")
    page.wait_for_selector("#viewer [role=status]:has-text('5 of')")
    page.reload()
    page.wait_for_selector("#viewer [role=status]:has-text('5 of')")
    page.click("#viewer .close")
    page.wait_for_url(f"**/#/synset/{FULLEST}")
    page.wait_for_selector(".tile")
    page.goto(f"{explorer}/#/synset/{FULLEST}?show=undecided")
    wait_for_filter(page, "undecided")
    assert set(page.locator(".tile").evaluate_all("all => all.map((one) => one.className)")) == {"tile undecided"}
    page.goto(f"{explorer}/#/search/gr%C3%A9y")
    page.wait_for_selector(".results a")
    page.goto(f"{explorer}/#/nothing")
    page.wait_for_selector("h1:has-text('no such page')")
    page.goto(f"{explorer}/#/synset/n99999999")
    page.wait_for_selector("text=This run has no synset")


def test_scrolling_brings_all_pictures(visit: Visit, explorer: str, large: RunLayout) -> None:
    wanted = len(tiles_of(large))
    page = visit(f"{explorer}/#/synset/{FULLEST}", viewport={"width": 900, "height": 500})
    page.wait_for_selector(".tile")
    while page.locator(".tile").count() < wanted:
        page.mouse.wheel(0, 2000)
    assert page.locator(".tile").evaluate_all("all => new Set(all.map((one) => one.dataset.id)).size") == wanted
    page.wait_for_selector(".load", state="hidden")


def test_duplicates_and_conflicts_are_a_click_away(visit: Visit, explorer: str) -> None:
    page = visit(f"{explorer}/#/synset/{FULLEST}?show=duplicates")
    wait_for_filter(page, "with duplicates")
    page.locator(".tile").first.click()
    page.wait_for_selector("#viewer .copies a")
    page.locator("#viewer .copies a").first.click()
    page.wait_for_selector("#viewer dt:has-text('Duplicate')")
    page.locator("#viewer dd a:has-text('this picture')").click()
    page.wait_for_selector("#viewer .copies a")
    page.goto(f"{explorer}/#/synset/{FULLEST}?show=conflicts")
    wait_for_filter(page, "in conflict")
    page.locator(".tile").first.click()
    page.wait_for_selector("#viewer dt:has-text('Also found for')")
    page.locator("#viewer dd ul.plain a").first.click()
    page.wait_for_function(f"!location.hash.includes('{FULLEST}')")
    page.wait_for_selector("#viewer .provenance")


def test_the_tree_is_walked_with_keys(visit: Visit, explorer: str) -> None:
    page = visit(f"{explorer}/")
    page.wait_for_selector("#tree [role=treeitem]")
    page.keyboard.press("t")
    roots = page.locator("#tree > li > a")
    order = roots.evaluate_all("all => all.map((one) => one.dataset.wnid)")
    assert focused(page) == order[0]
    page.keyboard.press("End")
    page.keyboard.press("Home")
    while page.locator(f'[data-wnid="{focused(page)}"]').get_attribute("aria-expanded") is None:
        page.keyboard.press("ArrowDown")
    parent = focused(page)
    item = page.locator(f'#tree [data-wnid="{parent}"]').first
    if item.get_attribute("aria-expanded") == "true":
        page.keyboard.press("ArrowLeft")
    assert item.get_attribute("aria-expanded") == "false"
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f'[data-wnid="{parent}"] + [role=group] > li > a')
    page.keyboard.press("ArrowRight")
    child = focused(page)
    assert child != parent
    assert page.locator(f'[data-wnid="{parent}"] + [role=group] > li > a').first.get_attribute("data-wnid") == child
    page.keyboard.press("ArrowLeft")
    assert focused(page) == parent
    page.keyboard.press("Enter")
    page.wait_for_function(f"location.hash === '#/synset/{parent}'")
    assert page.locator('#tree [tabindex="0"]').count() == 1


def test_a_letter_goes_to_the_next_name_that_begins_with_it(visit: Visit, explorer: str) -> None:
    page = visit(f"{explorer}/")
    page.wait_for_selector("#tree [role=treeitem]")
    page.keyboard.press("t")
    names = page.locator("#tree > li > a").evaluate_all(
        "all => all.map((one) => one.querySelector('.name').textContent)"
    )
    page.keyboard.press(names[-1][0])
    assert page.evaluate("document.activeElement.querySelector('.name').textContent[0]") == names[-1][0]


def test_a_synset_with_two_parents_stands_under_both(visit: Visit, explorer: str, large: RunLayout) -> None:
    rows = pq.read_table(large.synsets).to_pylist()
    twice = next(row for row in rows if len(row["hypernyms"]) > 1)
    page = visit(f"{explorer}/#/synset/{twice['wnid']}")
    page.wait_for_selector(f"#tree [data-wnid={twice['wnid']}][aria-current=page]")  # it opens no more by itself
    assert page.locator("ol.path").count() >= 2
    above = {row["wnid"]: row["hypernyms"] for row in rows}
    for parent in twice["hypernyms"]:
        way = [parent]
        while above[way[0]]:
            way.insert(0, above[way[0]][0])
        for step in way:
            place = page.locator(f'#tree [data-wnid="{step}"]').first
            place.wait_for()
            if place.get_attribute("aria-expanded") == "false":
                place.locator(".twisty").click()
        page.wait_for_selector(f'[data-wnid="{parent}"] + [role=group] > li > [data-wnid="{twice["wnid"]}"]')


def test_the_treemap_goes_down_by_clicks_and_back(visit: Visit, explorer: str, large: RunLayout) -> None:
    page = visit(f"{explorer}/#/treemap")
    page.wait_for_selector(".cell")
    cell = page.locator(".cell.level1[href^='#/treemap/']").first
    target = str(cell.get_attribute("href"))
    cell.click(position={"x": 8, "y": 8})
    page.wait_for_function(f"location.hash === '{target}'")
    page.wait_for_selector(f"h1:has-text('{name_of(large, target.split('/')[-1])}')")
    page.go_back()
    page.wait_for_selector(f".cell.level1[href='{target}']")
    page.click("text=by synsets")
    page.wait_for_selector("h1:has-text('60 synsets')")


def test_on_a_phone_the_tree_is_behind_a_button_and_nothing_is_too_wide(visit: Visit, explorer: str) -> None:
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    page = visit(f"{explorer}/#/synset/{FULLEST}", **phone)
    page.wait_for_selector(".tile")
    assert not page.is_visible("#tree")
    page.tap("#menu")
    page.locator("#tree > li > .row").first.tap()
    page.wait_for_selector("#side", state="hidden")
    for address, shown in (
        ("", "h1:has-text('Run run')"),
        (f"#/synset/{FULLEST}", ".tile"),
        ("#/treemap", ".treemap .cell"),
        ("#/search/dog", ".results"),
    ):
        page.goto(f"{explorer}/{address}")
        page.wait_for_selector(f"#main {shown}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{explorer}/#/synset/{FULLEST}")
    page.locator(".tile").first.tap()
    page.wait_for_selector("#viewer .provenance")


def test_without_files_the_tiny_pictures_are_shown_and_the_reason(
    visit: Visit, large: RunLayout, tmp_path: Path
) -> None:
    shutil.copytree(large.root, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "images")
    with explorer_thread(tmp_path / "run") as server:
        page = visit(f"{server.url}/#/synset/{FULLEST}")
        page.wait_for_selector(".tile .badge[data-text='no file']")
        assert "/sheets/" in page.locator(".tile").first.evaluate("one => one.style.backgroundImage")
        page.locator(".tile").first.click()
        page.wait_for_selector("#viewer .missing:has-text('cannot be read')")


def test_a_build_at_work_is_followed(visit: Visit, large: RunLayout, tmp_path: Path) -> None:
    with writing(tmp_path / "run", read_config(large)) as layout, explorer_thread(layout.root) as server:
        page = visit(f"{server.url}/")
        page.wait_for_selector("text=The synsets of this run are not chosen yet")
        page.wait_for_selector("#live:has-text('A build is at work')")
        for name in ("synsets.parquet", "queries.parquet"):
            shutil.copy(large.root / name, layout.root / name)
        page.wait_for_selector("text=There are no manifests yet")
        page.wait_for_selector("#tree [role=treeitem]")
        page.goto(f"{server.url}/#/synset/{FULLEST}")
        page.wait_for_selector("text=No pictures yet")
        shutil.copytree(large.shards, layout.shards)
        layout.manifests.mkdir()
        shutil.copy(large.manifest(FULLEST), layout.manifest(FULLEST))
        page.click("text=There are other pictures now", timeout=20_000)
        page.wait_for_selector(".tile img")
        count = page.locator(f'#tree [data-wnid="{FULLEST}"] .count').first
        count.and_(page.get_by_text(f", {len(tiles_of(large))} pictures", exact=True)).wait_for()


def test_a_link_with_a_token_lets_in_and_leaves_the_address_bar(visit: Visit, large: RunLayout) -> None:
    with explorer_thread(large.root, host="0.0.0.0") as server:
        token = invitation(server.secret)
        page = visit(f"{server.url}/?token={token}")
        page.wait_for_selector("h1:has-text('Run run')")
        assert "token" not in page.url
        stranger = visit(f"{server.url}/")
        stranger.wait_for_selector("text=This needs the link")


def test_texts_of_a_run_are_texts(visit: Visit, large: RunLayout, tmp_path: Path) -> None:
    """Names, glosses and titles come from strangers."""
    shutil.copytree(large.root, tmp_path / "run")
    layout = RunLayout(tmp_path / "run")
    spoil = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    for path, column in ((layout.synsets, "gloss"), (layout.manifest(FULLEST), "title")):
        table = pq.read_table(path)
        place = table.schema.names.index(column)
        pq.write_table(table.set_column(place, table.schema.field(column), [[spoil] * table.num_rows]), path)
    with explorer_thread(layout.root) as server:
        page = visit(f"{server.url}/#/synset/{FULLEST}")
        page.wait_for_selector(".gloss:has-text('<script>')")
        page.locator(".tile").first.click()
        page.wait_for_selector("#viewer h2:has-text('<script>')")
        assert page.title() != "1"
