from __future__ import annotations

import pytest

from imagenet_build.web.sessions import (
    clean_name,
    cookie_of,
    invitation,
    is_own_host,
    may_join,
    name_of,
)

SECRET = "0123456789abcdef"


@pytest.mark.parametrize("name", ["ada", "Łukasz", "名前", "a.b", "x" * 80])
def test_a_cookie_says_whose_it_is(name: str) -> None:
    assert name_of(SECRET, cookie_of(SECRET, name)) == name


@pytest.mark.parametrize(
    "cookie", [None, "", ".", "YWRh.", "YWRh.0000", "!!!.x", "YWRh.é", cookie_of("another", "ada")]
)
def test_a_made_up_cookie_is_nobodys(cookie: str | None) -> None:
    assert name_of(SECRET, cookie) is None


@pytest.mark.parametrize(
    ("name", "token", "names", "said"),
    [
        ("ada", invitation(SECRET, "ada"), (), ""),
        ("ada", invitation(SECRET), (), ""),
        ("grace", invitation(SECRET, "ada"), (), "invitation"),
        ("ada", "", (), "invitation"),
        ("ada", None, (), "invitation"),
        ("ada", invitation("another", "ada"), (), "invitation"),
        ("grace", invitation(SECRET, "grace"), ("ada",), "not on the list"),
        ("", invitation(SECRET), (), "give a name"),
    ],
)
def test_who_may_join(name: str, token: object, names: tuple[str, ...], said: str) -> None:
    refused = may_join(SECRET, name, token, names, needs_token=True)
    assert (said in refused) if said else refused == ""


def test_on_loopback_a_name_is_enough() -> None:
    assert may_join(SECRET, "ada", None, (), needs_token=False) == ""


@pytest.mark.parametrize("name", [None, 5, "", "   ", "\x00\x07"])
def test_what_is_no_name(name: object) -> None:
    assert clean_name(name) == ""


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1:8500", True),
        ("localhost:8500", True),
        ("[::1]:8500", True),
        ("localhost:80", False),
        ("localhost", False),
        ("attacker.example:8500", False),
        ("127.0.0.1.attacker.example:8500", False),
        (None, False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_answered(host: str | None, is_own: bool) -> None:
    assert is_own_host(host, 8500) is is_own
