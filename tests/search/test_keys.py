"""Keys come from the environment or a file, go into what is sent, and show up nowhere else."""

from __future__ import annotations

import pytest

from imagenet_build.errors import ConfigError
from imagenet_build.network.messages import HttpRequest, Secret
from imagenet_build.search.keys import keys_at_hand

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
