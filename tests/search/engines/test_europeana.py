from dataclasses import asdict
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engines.europeana import KEY_ENV, Europeana
from tests.fakes import europeana_server
from tests.fakes.catalogue_server import numbered
from tests.fakes.europeana_server import KEY, EuropeanaServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all

RECORDED = Path(__file__).parents[2] / "recorded" / "europeana"
BEAGLE = english("beagle")
KEYS = {KEY_ENV: KEY}


async def test_the_services_cursor_leads_to_the_end():
    with EuropeanaServer(numbered(1250)) as server:  # numbered pages would end at 1000
        pages = await ask_all(Europeana(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [100] * 12 + [50]
        assert [hit.rank for hit in hits_of(pages)] == list(range(1250))
        assert server.log.calls[0].query == {
            "query": "beagle",
            "qf": "TYPE:IMAGE",
            "reusability": "open",
            "media": "true",
            "profile": "rich",
            "rows": "100",
            "cursor": "*",
        }


async def test_the_key_that_the_answers_repeat_stands_in_no_hit():
    with EuropeanaServer([*numbered(2), {"title": "Beagle", "edmIsShownAt": None}]) as server:
        pages = await ask_all(Europeana(server.base_url), BEAGLE, KEYS)
        assert len(hits_of(pages)) == 3
        assert KEY not in str([asdict(page) for page in pages])


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (europeana_server.refusal(200, "Invalid API key"), EngineRefused),
        (europeana_server.refusal(400, f"wskey {KEY} is not known"), EngineRefused),
        (europeana_server.refusal(403, "forbidden"), EngineRefused),
        (europeana_server.refusal(200, "Invalid query parameter: keyword"), QueryRefused),
        (europeana_server.refusal(404, "no such thing"), QueryRefused),
        (europeana_server.refusal(429, "The limit is reached"), RateLimited),
        (europeana_server.refusal(500, "Internal server error"), RateLimited),
    ],
)
async def test_errors_with_any_status_and_never_with_the_key(reply, kind):
    with EuropeanaServer(numbered(1)) as server:
        server.at(1, reply)
        failure = await ask(Europeana(server.base_url), BEAGLE, KEYS)
        assert isinstance(failure, kind)
        assert KEY not in str(failure)
        assert not isinstance(failure, EngineRefused) or KEY_ENV in failure.remedy


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_a_cut_off_body_does_not_show_its_key(status):
    failure = Europeana().failure(HttpAnswer(status, {}, f'{{"apikey":"{KEY}","success":true,"ite'.encode()))
    assert isinstance(failure, SourceError)
    assert isinstance(failure, Unreachable) == (status == 200)
    assert KEY not in str(failure)


def test_a_cursor_that_stands_still_is_loud():
    body = b'{"success": true, "items": [], "nextCursor": "AoE="}'
    assert Europeana().parse(body, BEAGLE, None).next_cursor is None  # without items it is the end
    with pytest.raises(ValueError, match="where it began"):
        Europeana().parse(body, BEAGLE, {"cursor": "AoE=", "rank": 0})


def test_recorded_page():
    page = Europeana().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert [hit.rank for hit in page.hits] == [0, 1, 3, 4]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [("/123/item_2", RejectReason.NO_URL)]
    licenses = [(hit.credit.license, hit.credit.license_url) for hit in page.hits[:3]]
    assert licenses == [
        ("pdm", "https://creativecommons.org/publicdomain/mark/1.0/"),
        ("nkc", "http://rightsstatements.org/vocab/NKC/1.0/"),
        ("unknown", "http://rightsstatements.org/vocab/NoC-OKLR/1.0/"),
    ]
    first, second, third, _ = (hit.credit for hit in page.hits)
    assert (first.creator, first.creator_url) == ("Example Person", "")
    assert (second.creator, second.creator_url) == ("", "http://data.europeana.eu/agent/1")
    assert third.page_url == "https://www.europeana.eu/item/123/item_3"
    assert page.next_cursor is not None
    assert page.next_cursor["rank"] == 5
