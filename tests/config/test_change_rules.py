"""What a resumed run may change: each key by the rule that stands at it."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import ConfigChanged
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import config_hash, differences, read_config, writing
from tests.config.keys import single_keys

RULES = single_keys()

OTHER = {
    "taxonomy.wordnet_dir": "/elsewhere",
    "taxonomy.omw_dir": "/elsewhere",
    "taxonomy.any_version": True,
    "taxonomy.wnids_file": "/w.txt",
    "taxonomy.instances": True,
    "taxonomy.safety": False,
    "taxonomy.allowed_person_wnids_file": "/p.txt",
    "taxonomy.exclude_wnids_files": ["/x.txt"],
    "queries.parent_words": False,
    "queries.expand": "wide",
    "queries.concepts_file": "/c.tsv",
    "search.keys_file": "/keys.env",
    "search.licenses": ["cc0", "by"],
    "search.candidates_per_synset": 7,
    "search.max_hits_per_query": 7,
    "search.attempts": 7,
    "search.timeout_s": 7,
    "search.max_page_bytes": 7,
    "network.contact": "me@example.org",
    "network.allow_addresses": ["127.0.0.0/8"],
    "download.enabled": False,
    "download.robots": False,
    "download.opt_out_headers": ["noai"],
    "download.formats": ["JPEG"],
    "download.min_side_px": 7,
    "download.max_pixels": 7,
    "download.max_bytes": 7,
    "download.max_redirects": 7,
    "download.tdm_reservation": False,
    "download.content_signals": False,
    "download.previews_first": True,
    "download.placeholder_urls": 7,
    "download.attempts": 7,
    "download.dead_after": 7,
    "download.first_byte_timeout_s": 7,
    "download.least_bytes_per_s": 7,
    "download.longest_rest_s": 7,
    "download.decode_memory_bytes": 7,
    "download.connect_timeout_s": 7,
    "download.timeout_s": 7,
    "download.hosts_at_once": 7,
    "download.default_host.min_delay_s": 7,
    "download.default_host.concurrency": 7,
    "download.hosts": {},
    "download.shard_bytes": 7,
    "dedup.exclude": ["/pictures"],
    "verify.method": "table",
    "verify.target_precision": 0.9,
    "verify.max_votes": 7,
    "verify.least_gain": 0.5,
    "verify.majority_votes": 7,
    "verify.table_images": 7,
    "verify.table_votes": 7,
    "verify.table_accept": 0.7,
    "verify.table_reject": 0.3,
    "verify.seed": 7,
    "execution.workers": 7,
    "execution.executor": "ray",
    "execution.ray_address": "10.0.0.1:6379",
    "storage.snapshot_s": 30.0,
    "storage.lease_s": 30.0,
}
"""A value that is not the default, for every key that is no growing list and not of dedup."""
ENTRIES = {
    "taxonomy.roots": ["dog.n.01", "cat.n.01", "bird.n.01"],
    "taxonomy.wnids": ["n02084071", "n02121620", "n01503061"],
    "queries.languages": ["ita", "cmn", "spa"],
    "search.engines": [{"name": "openverse"}, {"name": "collection"}, {"name": "wikimedia"}],
}
"""Entries for every growing list."""


def config_with(key: str, value: object) -> BuildConfig:
    data = BuildConfig().as_yaml_data()
    node = data
    *parents, last = key.split(".")
    for part in parents:
        node = node[part]
    assert last in node, key
    node[last] = copy.deepcopy(value)
    return BuildConfig.model_validate(data)


def other_value(key: str) -> object:
    if key in OTHER:
        return OTHER[key]
    section, _, name = key.partition(".")
    assert section == "dedup", f"{key} needs a value here"
    default = BuildConfig().as_yaml_data()["dedup"][name]
    return default[:1] if isinstance(default, list) else default / 2 if isinstance(default, float) else default + 1


def test_the_tables_above_know_every_key():
    assert set(ENTRIES) == {key for key, rule in RULES.items() if rule == "grow"}
    rest = {key for key, rule in RULES.items() if rule != "grow"}
    assert {key for key in rest if not key.startswith("dedup.")} | {"dedup.exclude"} == set(OTHER)


@pytest.mark.parametrize("key", [key for key, rule in RULES.items() if rule == "free"])
def test_a_free_key_may_change_and_no_row_notices(key):
    changed = config_with(key, other_value(key))
    assert changed != BuildConfig()
    assert differences(BuildConfig(), changed) == []
    assert config_hash(changed) == config_hash(BuildConfig())


@pytest.mark.parametrize("key", [key for key, rule in RULES.items() if rule == "fixed"])
def test_a_fixed_key_may_not_change_in_either_direction(key):
    changed = config_with(key, other_value(key))
    for found in (differences(BuildConfig(), changed), differences(changed, BuildConfig())):
        assert len(found) == 1
        assert found[0].startswith(f"{key}: ")
        assert " -> " in found[0]
    assert config_hash(changed) != config_hash(BuildConfig())


@pytest.mark.parametrize("key", list(ENTRIES))
def test_a_growing_list_takes_entries_anywhere_but_loses_and_reorders_none(key):
    first, second, third = ENTRIES[key]
    old = config_with(key, [first, second])
    for grown in ([first, second, third], [third, first, second], [first, third, second], [first, second]):
        assert differences(old, config_with(key, grown)) == []
    for shrunk in ([first], [second, third], []):
        assert "taken away" in differences(old, config_with(key, shrunk))[0]
    assert "order changed" in differences(old, config_with(key, [second, first, third]))[0]


def test_an_engines_own_keys_may_change():
    old = config_with("search.engines", [{"name": "collection", "index": "/a.sqlite"}])
    new = config_with("search.engines", [{"name": "collection", "index": "/b.sqlite", "min_delay_s": 1}])
    assert differences(old, new) == []
    assert config_hash(old) == config_hash(new)


@settings(deadline=None)
@given(st.sampled_from(sorted(RULES)), st.sampled_from(sorted(RULES)))
def test_differences_of_two_changes_are_those_of_each(one, other):
    def changed(*keys: str) -> BuildConfig:
        data = BuildConfig().as_yaml_data()
        for key in keys:
            *parents, last = key.split(".")
            node = data
            for part in parents:
                node = node[part]
            node[last] = ENTRIES[key] if key in ENTRIES else other_value(key)
        return BuildConfig.model_validate(data)

    both = differences(changed(), changed(one, other))
    assert set(both) == set(differences(changed(), changed(one))) | set(differences(changed(), changed(other)))


def test_a_run_refuses_the_change_and_keeps_its_record(tmp_path):
    root = tmp_path / "run"
    old = config_with("taxonomy.roots", ["dog.n.01"])
    with writing(root, old):
        pass
    grown = config_with("taxonomy.roots", ["dog.n.01", "cat.n.01"])
    with writing(root, grown):
        pass
    assert read_config(RunLayout(root)) == grown
    with pytest.raises(ConfigChanged, match=r"taxonomy\.roots: cat\.n\.01 taken away") as caught, writing(root, old):
        pass
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    assert read_config(RunLayout(root)) == grown
