from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.config.models import DownloadConfig
from imagenet_build.network.opt_out import opt_out

TOKEN = "imagenet_build"
DEFAULT = DownloadConfig().opt_out_headers


def said(
    headers: dict[str, str],
    directives: Collection[str] = DEFAULT,
    *,
    tdm_reservation: bool = True,
    content_signals: bool = True,
) -> str | None:
    return opt_out(
        headers, TOKEN, directives=directives, tdm_reservation=tdm_reservation, content_signals=content_signals
    )


@pytest.mark.parametrize(
    "value",
    [
        "noai",
        "NoAI",
        "nofollow, noimageai",
        "noindex",
        "noimageindex,nofollow",
        " noai ",
        "nofollow\nnoai",
        "imagenet_build: noai",
        "ImageNet_Build : nofollow, noai",
        "*: noai",
        "otherbot: nofollow\nimagenet_build: noai",
        "unavailable_after: 25 Jun 2010 15:00:00 PST, noai",
        "noai, unavailable_after: 25 Jun 2010 15:00:00 PST",
        "max-image-preview: large, noindex",
        "imagenet_build: max-snippet: 20, noai",
        # header lines joined on the way (RFC 9110 section 5.3): a name holds until the next one
        "otherbot: nofollow, imagenet_build: nofollow, noai",
        "noai, otherbot: nofollow",
        "none",
    ],
)
def test_a_header_that_refuses_us(value):
    found = said({"x-robots-tag": value})
    assert found is not None
    assert found.startswith("X-Robots-Tag: ")
    assert "\n" not in found


@pytest.mark.parametrize(
    "value",
    [
        "",
        "all",
        "nofollow, nosnippet",
        "otherbot: noai",
        "otherbot: noai, noimageai",
        "otherbot: none",
        "imagenet_build_2: noai",
        "imagenet_build: nofollow, otherbot: noai",
        "max-image-preview: none",
        "unavailable_after: 25 Jun 2010 15:00:00 PST",
        "noaisle",
    ],
)
def test_a_header_that_does_not(value):
    assert said({"x-robots-tag": value}) is None


def test_only_the_configured_directives_refuse():
    assert said({"x-robots-tag": "noindex"}, ("noai",)) is None
    assert said({"x-robots-tag": "none"}, ("noai",)) is None


def test_the_line_that_refuses_is_the_evidence():
    assert said({"x-robots-tag": "nofollow\nnoai, nosnippet"}) == "X-Robots-Tag: noai, nosnippet"


@pytest.mark.parametrize("name", ["content-usage", "content-signal"])
def test_preferences_about_training(name):
    assert said({name: "train-ai=n"}) == f"{name.title()}: train-ai=n"
    assert said({name: "train-ai=y"}) is None


@pytest.mark.parametrize(("value", "refuses"), [("1", True), (" 1 ", True), ("0\n1", True), ("0", False), ("", False)])
def test_text_and_data_mining_reservation(value, refuses):
    assert (said({"tdm-reservation": value}) is not None) == refuses


def test_each_kind_can_be_switched_off():
    headers = {"x-robots-tag": "noai", "tdm-reservation": "1", "content-usage": "train-ai=n"}
    assert said(headers) == "X-Robots-Tag: noai"
    assert said(headers, ()) == "tdm-reservation: 1"
    assert said(headers, (), tdm_reservation=False) == "Content-Usage: train-ai=n"
    assert said(headers, (), tdm_reservation=False, content_signals=False) is None


@given(st.text(st.sampled_from("noai:, \n*imagenet_build"), max_size=60))
def test_any_header_gets_an_answer_that_cites_it(value):
    found = said({"x-robots-tag": value})
    assert found is None or found.removeprefix("X-Robots-Tag: ") in value


@given(
    st.lists(st.sampled_from(["nofollow", "nosnippet", "noai", "noindex", "all"]), min_size=1, max_size=5),
    st.sampled_from(["", "imagenet_build: ", "*: ", "otherbot: "]),
)
def test_refused_exactly_if_a_line_for_us_holds_a_directive(parts, name):
    refused = said({"x-robots-tag": name + ", ".join(parts)}) is not None
    assert refused == (name != "otherbot: " and not {"noai", "noindex"}.isdisjoint(parts))
