import pytest

from imagenet_build.config.models import EngineConfig
from imagenet_build.errors import ConfigError
from imagenet_build.search.registry import engine_infos, is_local, make_engine
from tests.search.engines.asking import english


def test_table_names_each_engine_once():
    names = [info.name for info in engine_infos()]
    assert len(set(names)) == len(names) > 20
    assert names[0] == "openverse"
    assert all(name.isidentifier() and name.islower() for name in names)
    assert [info.name for info in engine_infos() if not info.is_live] == ["collection"]


@pytest.mark.parametrize(
    ("config", "host"),
    [
        (EngineConfig(name="openverse"), "https://api.openverse.org/v1/images/?"),
        (EngineConfig(name="wikimedia"), "https://commons.wikimedia.org/w/api.php?"),
        (EngineConfig(name="openverse", base_url="http://127.0.0.1:81/"), "http://127.0.0.1:81/v1/images/?"),
    ],
)
def test_base_url_is_the_public_service_unless_given(config, host):
    assert make_engine(config).request(english("dog"), None).full_url().startswith(host)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (EngineConfig(name="openvers"), "did you mean openverse?"),
        (EngineConfig(name="zzz"), "known: openverse, wikimedia, wikidata, "),
        (EngineConfig(name="openverse", index="/x.sqlite"), "has no index"),
        (EngineConfig(name="wikimedia", pictures_url="http://x/"), "has no pictures_url"),
        (EngineConfig(name="collection"), "needs `index`"),
        (EngineConfig(name="openverse", base_url="api.openverse.org"), "must read http://host"),
        (EngineConfig(name="openverse", base_url="http://"), "must read http://host"),
        (EngineConfig(name="openverse", base_url="http://[1"), "must read http://host"),
    ],
)
def test_what_cannot_work_is_a_configuration_error(config, said):
    with pytest.raises(ConfigError) as caught:
        make_engine(config)
    assert said in str(caught.value)


def test_a_key_that_is_null_counts_as_not_given():
    config = EngineConfig.model_validate({"name": "openverse", "index": None, "pictures_url": None, "base_url": None})
    assert make_engine(config).info.name == "openverse"


def test_missing_index_is_an_error_and_not_a_traceback(tmp_path):
    with pytest.raises(ConfigError):
        make_engine(EngineConfig(name="collection", index=tmp_path / "none.sqlite"))


@pytest.mark.parametrize(
    ("url", "local"),
    [
        (None, False),
        ("https://api.openverse.org", False),
        ("http://127.0.0.1:8080", True),
        ("http://127.9.9.9", True),
        ("http://localhost:1/", True),
        ("http://[::1]:1/", True),
        ("http://127.0.0.1.example.org", False),
        ("http://localhost.example.org", False),
        ("http://10.0.0.1", False),
    ],
)
def test_local_means_loopback_only(url, local):
    assert is_local(EngineConfig(name="openverse", base_url=url)) is local


def test_engines_that_are_gone_say_what_to_use_instead():
    with pytest.raises(ConfigError, match="webiq"):
        make_engine(EngineConfig(name="bing"))
