from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from imagenet_build.collection.index import CollectionIndex
from imagenet_build.collection.transport import GONE, CollectionTransport
from imagenet_build.network.messages import HttpRequest
from tests.collection.sources import index_of, picture, web_row


@pytest.fixture
def index(tmp_path: Path) -> CollectionIndex:
    picture(tmp_path / "a b.png")
    opened = index_of(tmp_path, [web_row("a dog"), {"file": "a b.png", "caption": "another dog"}])
    opened.close()
    return opened


def ask(index: CollectionIndex, **changes: str | int) -> HttpRequest:
    params: dict[str, str | int] = {"q": "dogs", "language": "eng", "page": 1, "page_size": 200, **changes}
    return HttpRequest(f"collection://{index.id}/search", params)


async def test_many_questions_at_once(index: CollectionIndex) -> None:
    transport = CollectionTransport(index.path)
    answers = await asyncio.gather(
        *(transport.answer(ask(index, page_size=1, page=page % 3 + 1)) for page in range(30))
    )
    transport.close()
    assert {answer.status for answer in answers} == {200}
    pages = [json.loads(answer.body) for answer in answers]
    assert {page["total"] for page in pages} == {1}  # "another dog" has no language, so "dogs" is not in it
    assert [len(page["results"]) for page in pages[:3]] == [1, 0, 0]


async def test_rows_hold_what_the_adapter_needs(index: CollectionIndex) -> None:
    transport = CollectionTransport(index.path)
    body = json.loads((await transport.answer(ask(index, q="dog"))).body)
    transport.close()
    rows = {row["caption"]: row for row in body["results"]}
    assert rows["another dog"]["file_url"] == (index.path.parent / "a b.png").as_uri()
    assert rows["another dog"]["path"] == "a b.png"
    assert rows["a dog"]["url"].startswith("https://example.org/")
    assert rows["a dog"]["file_url"] == ""


@pytest.mark.parametrize("changes", [{"page": 0}, {"page": "x"}, {"page_size": 100_000}])
async def test_wrong_questions_are_refused(index: CollectionIndex, changes: dict[str, str | int]) -> None:
    transport = CollectionTransport(index.path)
    assert (await transport.answer(ask(index, **changes))).status == 400
    transport.close()


async def test_another_index_in_its_place_is_noticed(index: CollectionIndex, tmp_path: Path) -> None:
    index_of(tmp_path, [web_row("a cat")]).close()
    transport = CollectionTransport(index.path)
    answer = await transport.answer(ask(index))
    transport.close()
    assert answer.status == GONE
    assert index.id in json.loads(answer.body)["detail"]


async def test_a_missing_index_is_an_answer_not_a_crash(index: CollectionIndex) -> None:
    index.path.unlink()
    answer = await CollectionTransport(index.path).answer(ask(index))
    assert answer.status == GONE
    assert "collection index" in json.loads(answer.body)["detail"]
