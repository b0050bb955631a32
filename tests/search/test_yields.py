"""What is expected of a request, and that the crawler goes where it expects most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.records import Origin
from imagenet_build.search.yields import Yield, expected_first

KINDS = st.tuples(st.sampled_from(["eng", "spa", "cmn"]), st.sampled_from([origin.value for origin in Origin]))


@given(KINDS, st.integers(1, 500), st.integers(0, 1000), st.integers(0, 1000))
def test_between_the_prior_and_what_was_seen(kind, page_size, requests, share):
    new_urls = requests * min(share, page_size)
    prior = expected_first(kind, {}, page_size)
    found = expected_first(kind, {kind: Yield(requests, new_urls)}, page_size)
    seen = min(share, page_size) if requests else prior
    assert min(prior, seen) - 1e-9 <= found <= max(prior, seen) + 1e-9


@given(KINDS)
def test_much_evidence_wins(kind):
    assert expected_first(kind, {kind: Yield(10_000, 70_000)}, 20) > 6.9
    assert expected_first(kind, {kind: Yield(10_000, 0)}, 20) < 0.01


def test_before_anything_is_known_the_paper_order_holds():
    order = [Origin.SYNONYM, Origin.TRANSLATION, Origin.PARENT_WORD, Origin.TRANSLATED_PARENT_WORD]
    values = [expected_first(("eng", origin.value), {}, 20) for origin in order]
    assert values == sorted(values, reverse=True)
