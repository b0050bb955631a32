"""Keys come from the environment or a file, go into what is sent, and show up nowhere else."""

from __future__ import annotations

import pytest

from imagenet_build.config.models import BuildConfig, EngineConfig
from imagenet_build.errors import ConfigError
from imagenet_build.network.messages import HttpRequest, Secret
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.engines.openverse_account import CLIENT_ID_ENV, CLIENT_SECRET_ENV
from imagenet_build.search.keys import keys_at_hand
from imagenet_build.search.preflight import check_engines
from imagenet_build.search.registry import make_engine
from tests.search.engines.asking import english

REQUEST = HttpRequest(
    "https://api.example.org/search",
    {"q": "dog"},
    secrets=(Secret("A_KEY", "Authorization", prefix="Bearer "), Secret("B_KEY", "key", "param")),
)


def test_keys_are_filled_in_at_the_last_moment(monkeypatch):
    monkeypatch.setenv("A_KEY", "first-secret")
    monkeypatch.setenv("B_KEY", "second&secret")
    keys = keys_at_hand(("A_KEY", "B_KEY"), None)
    url, headers = keys.filled(REQUEST)
    assert url == "https://api.example.org/search?q=dog&key=second%26secret"
    assert headers == {"Authorization": "Bearer first-secret"}
    shown = REQUEST.full_url() + REQUEST.page_key() + repr(keys) + repr(REQUEST)
    assert "first-secret" not in shown
    assert "second" not in shown


def test_the_environment_counts_before_the_file(monkeypatch, tmp_path):
    file = tmp_path / "keys"
    file.write_text("# mine\n\nA_KEY='from the file'\nB_KEY = \"b\"\nC_KEY=not asked for\n")
    monkeypatch.setenv("A_KEY", "from the environment")
    monkeypatch.delenv("B_KEY", raising=False)
    keys = keys_at_hand(("A_KEY", "B_KEY"), file)
    assert (keys.value("A_KEY"), keys.value("B_KEY")) == ("from the environment", "b")
    assert keys.missing(("A_KEY", "B_KEY", "C_KEY")) == ["C_KEY"]


def test_a_missing_key_is_named(monkeypatch):
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(ConfigError, match="A_KEY"):
        keys_at_hand(("A_KEY",), None).value("A_KEY")


def test_an_unreadable_file_is_an_error_without_its_contents(tmp_path):
    file = tmp_path / "keys"
    file.write_bytes(b"A_KEY=\xff\xfesecret")
    with pytest.raises(ConfigError) as caught:
        keys_at_hand(("A_KEY",), file)
    assert "secret" not in str(caught.value)


def test_messages_are_scrubbed_as_sent_and_as_quoted(monkeypatch):
    monkeypatch.setenv("B_KEY", "a&b/c")
    keys = keys_at_hand(("B_KEY",), None)
    url, _ = keys.filled(HttpRequest("https://e.org/", secrets=(Secret("B_KEY", "key", "param"),)))
    assert "a%26b" not in keys.scrubbed(f"cannot connect to {url}")
    assert "a&b" not in keys.scrubbed("bad key a&b/c")


@pytest.mark.parametrize("in_file", [(), (CLIENT_ID_ENV,), (CLIENT_SECRET_ENV,), (CLIENT_ID_ENV, CLIENT_SECRET_ENV)])
def test_openverse_has_an_account_where_both_its_keys_are_in_the_file_or_the_environment(
    monkeypatch, tmp_path, in_file
):
    file = tmp_path / "keys"
    file.write_text("".join(f"{name}=from the file\n" for name in in_file))
    for name in (CLIENT_ID_ENV, CLIENT_SECRET_ENV):
        monkeypatch.delenv(name, raising=False)
    engine = make_engine(EngineConfig(name="openverse"), (), file)
    assert isinstance(engine, Openverse)
    assert bool(engine.oauth) is (len(in_file) == 2)
    assert bool(engine.info.keys) is (len(in_file) == 2)
    for name in (CLIENT_ID_ENV, CLIENT_SECRET_ENV):
        if name not in in_file:
            monkeypatch.setenv(name, "from the environment")
    known = make_engine(EngineConfig(name="openverse"), (), file)
    assert isinstance(known, Openverse)
    assert known.oauth is not None
    assert keys_at_hand(known.info.keys, file).missing(known.info.keys) == []


def test_yandex_pays_from_the_folder_in_the_file_unless_the_environment_names_another(monkeypatch, tmp_path):
    file = tmp_path / "keys"
    file.write_text("YANDEX_API_KEY=a-key\nYANDEX_FOLDER_ID=folder-of-the-file\n")
    for name in ("YANDEX_API_KEY", "YANDEX_FOLDER_ID"):
        monkeypatch.delenv(name, raising=False)
    sent = make_engine(EngineConfig(name="yandex"), (), file).request(english("dog"), None).body or b""
    assert b'"folder-of-the-file"' in sent
    assert b"folderId" not in (make_engine(EngineConfig(name="yandex")).request(english("dog"), None).body or b"")
    data = {"engines": [{"name": "yandex"}], "keys_file": str(file)}
    config = BuildConfig.model_validate({"search": data, "network": {"contact": "operator@example.org"}})
    assert len(check_engines(config)) == 1  # a notice, no refusal
    monkeypatch.setenv("YANDEX_FOLDER_ID", "folder-of-the-environment")
    sent = make_engine(EngineConfig(name="yandex"), (), file).request(english("dog"), None).body or b""
    assert b'"folder-of-the-environment"' in sent


def test_a_token_is_hidden_like_the_keys_it_was_given_for(monkeypatch):
    monkeypatch.setenv("A_KEY", "the-key")
    keys = keys_at_hand(("A_KEY",), None)
    both = keys.with_token("the/token")
    assert both.scrubbed("the-key gave the%2Ftoken") == "*** gave ***"
    assert keys.scrubbed("the/token") == "the/token"
    assert both.with_token("the/token") is both
    assert both.with_token("another").scrubbed("the/token, another, the-key") == "***, ***, ***"
