from __future__ import annotations

import json

import pytest

from imagenet_build.errors import EngineRefused, UnexpectedResponse, Unreachable
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.taxonomy import wikidata_items
from imagenet_build.taxonomy.concepts import ConceptRow, read_concepts
from imagenet_build.taxonomy.wikidata_items import concepts_query, fill_concepts, missing, read_items
from tests.fakes.commons_server import throttled
from tests.fakes.server import Reply
from tests.fakes.wikidata_server import WikidataServer, malformed, timed_out, timed_out_late

DOG, CAT, UNICORN = "n02084071", "n02121620", "n09494388"


def uri(wnid: str) -> str:
    return f"http://wordnet-rdf.princeton.edu/wn30/{wnid[1:]}-n"


ITEMS = {
    uri(DOG): {
        "Q144": {
            "en": ["dog", "Canis familiaris", "domestic dog"],
            "zh": ["犬", "狗"],
            "zh-hans": ["家犬"],
            "de": ["Haushund"],
        }
    },
    uri(CAT): {"Q146": {"en": ["house cat"]}, "L7-S1": {"en": ["cat"]}},
}


async def fill(path, server, wnids=(DOG, CAT, UNICORN), languages=("eng", "cmn"), contact="me@example.org"):
    async with HttpClient(contact=contact, policy=AddressPolicy(["127.0.0.1"])) as client:
        url = f"{server.base_url}/query.wikidata.org/sparql"
        return await fill_concepts(path, client, url, wnids, languages, min_delay_s=0, say=lambda text: None)


@pytest.fixture
def server():
    with WikidataServer({}, items=ITEMS) as running:
        yield running


def test_the_question_is_about_wordnet_3_0_and_no_offset_of_3_1():
    sparql = concepts_query([DOG, CAT], ["eng", "cmn", "ast"])
    assert f"<{uri(DOG)}> <{uri(CAT)}>" in sparql
    assert "wdt:P2888" in sparql
    assert "P8814" not in sparql
    assert '("en", "zh", "zh-hans", "zh-cn", "ast")' in sparql


async def test_items_and_names_label_first_then_aliases(server, tmp_path):
    rows = await fill(tmp_path / "c.tsv", server)
    assert rows == [
        ConceptRow(DOG, "Q144", "zxx", ""),
        ConceptRow(DOG, "Q144", "eng", "dog"),
        ConceptRow(DOG, "Q144", "eng", "Canis familiaris"),
        ConceptRow(DOG, "Q144", "eng", "domestic dog"),
        ConceptRow(DOG, "Q144", "cmn", "犬"),
        ConceptRow(DOG, "Q144", "cmn", "家犬"),
        ConceptRow(DOG, "Q144", "cmn", "狗"),
        ConceptRow(CAT, "Q146", "zxx", ""),
        ConceptRow(CAT, "Q146", "eng", "house cat"),
        ConceptRow(CAT, "Q146", "cmn", ""),
        ConceptRow(UNICORN, "", "zxx", ""),
    ]
    assert read_concepts(tmp_path / "c.tsv") == rows


async def test_what_is_in_the_file_is_not_asked_again(server, tmp_path):
    path = tmp_path / "c.tsv"
    await fill(path, server, [DOG, UNICORN], ["eng"])
    await fill(path, server, [DOG, UNICORN], ["eng"])
    assert server.questions == [([uri(DOG), uri(UNICORN)], ["en"])]
    await fill(path, server, [DOG, CAT, UNICORN], ["eng", "deu"])
    assert server.questions[1:] == [([uri(DOG)], ["de"]), ([uri(CAT)], ["en", "de"])]
    assert [row.label for row in read_concepts(path) if row.wnid == DOG] == [
        "",
        "dog",
        "Canis familiaris",
        "domestic dog",
        "Haushund",
    ]


def test_synsets_are_asked_in_batches():
    wnids = [f"n{number:08d}" for number in range(450)]
    batches = missing([ConceptRow(wnids[0], "", "zxx", "")], wnids, ["eng"])
    assert [(batch[0], len(batch), languages) for batch, languages in batches] == [
        (wnids[1], 200, ("eng",)),
        (wnids[201], 200, ("eng",)),
        (wnids[401], 49, ("eng",)),
    ]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(wikidata_items, "backoff_s", lambda attempt, rng: 0.0)


@pytest.mark.parametrize(
    "fault", [throttled(0), timed_out(), timed_out_late(), Reply(mode="drop"), Reply.text("<html>", 502, kind="html")]
)
async def test_trouble_is_tried_again(server, tmp_path, impatient, fault):
    server.at(1, fault)
    assert len(await fill(tmp_path / "c.tsv", server)) == 11
    assert len(server.log.calls) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (timed_out_late(), Unreachable),
        (malformed(), UnexpectedResponse),
        (Reply.json({"results": {}}), UnexpectedResponse),
        (Reply.json({"results": {"bindings": [3]}}), UnexpectedResponse),
    ],
)
async def test_what_came_before_an_error_is_kept(server, tmp_path, impatient, monkeypatch, fault, error):
    monkeypatch.setattr(wikidata_items, "BATCH", 1)
    path = tmp_path / "c.tsv"
    for call in range(2, 2 + wikidata_items.ATTEMPTS):
        server.at(call, fault)
    with pytest.raises(error):
        await fill(path, server)
    assert {row.wnid for row in read_concepts(path)} == {DOG}
    server._faults.clear()
    assert {row.wnid for row in await fill(path, server)} == {DOG, CAT, UNICORN}
    assert [uris for uris, _ in server.questions] == [[uri(DOG)], [uri(CAT)], [uri(UNICORN)]]


async def test_a_client_without_a_contact_is_refused_with_what_to_do(server, tmp_path):
    with pytest.raises(EngineRefused, match="--contact"):
        await fill(tmp_path / "c.tsv", server, contact="")
    assert not (tmp_path / "c.tsv").exists()


@pytest.mark.parametrize("other", ["http://wordnet-rdf.princeton.edu/wn31/02084071-n", uri(CAT)])
def test_an_answer_about_another_synset_is_no_answer(other):
    binding = {"uri": {"value": other}, "item": {"value": "http://www.wikidata.org/entity/Q144"}}
    with pytest.raises((ValueError, KeyError)):
        read_items(json.dumps({"results": {"bindings": [binding]}}).encode(), [DOG], ["eng"])
