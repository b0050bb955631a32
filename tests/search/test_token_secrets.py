"""A token, and the client's secret it was given for, are nowhere but in what is sent, whatever a service repeats."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, urlencode

import pyarrow.parquet as pq
import pytest

from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.server import Reply
from tests.search.secrets_shown import assert_hidden, imagenet_build, imagenet_build_here, write_config

ACCOUNT = {"OPENVERSE_CLIENT_ID": "openverse-NEVER-SHOWN-4", "OPENVERSE_CLIENT_SECRET": "openverse/NEVER+SHOWN=5&of~7"}


class Talkative(OpenverseServer):
    """Repeats what it was sent, the token and the client's secret too, in whatever it answers."""

    def _result(self, picture):
        token = next(iter(self.tokens), "no token yet")
        secret = ACCOUNT["OPENVERSE_CLIENT_SECRET"]
        said = {"creator": f"{token} {secret}", "creator_url": f"https://example.org/?by={token}&of={quote(secret)}"}
        hidden = base64.b64encode(f"Bearer {token}".encode()).decode()
        return {**super()._result(picture), **said, "attribution": f"{hidden} {ACCOUNT['OPENVERSE_CLIENT_ID']}"}

    async def send(self, request, reply):
        """The faults of these tests hold TOKEN where the token of now is to stand."""
        body = reply.body.replace(b"TOKEN", next(iter(self.tokens), "").encode())
        return await super().send(request, replace(reply, body=body))


@pytest.fixture
def talkative() -> Iterator[Talkative]:
    pictures = [
        {"title": f"{title} {n}", "url": f"http://127.0.0.1/{title}{n}.jpg"}
        for title in ("dog", "wolf", "violin")
        for n in range(3)
    ]
    with Talkative(pictures, clients=dict([tuple(ACCOUNT.values())])) as server:
        yield server


@pytest.mark.parametrize("from_file", [False, True])
def test_a_token_that_a_service_repeats_is_shown_nowhere(talkative, tmp_path, from_file):
    out = tmp_path / "run"
    (tmp_path / "keys.txt").write_text("".join(f"{name}={key}\n" for name, key in ACCOUNT.items() if from_file))
    config = write_config(tmp_path, {"openverse": talkative.base_url}, keys_file="keys.txt")
    keys = dict.fromkeys(ACCOUNT, "") if from_file else ACCOUNT
    program = imagenet_build_here if from_file else imagenet_build
    built = program("-v", "build", str(config), "--out", str(out), keys=keys)
    assert built.returncode == 0, built.stderr
    said = [
        program("-v", "engines", "--check", "--json", "--config", str(config), keys=keys),
        *(
            imagenet_build_here("-v", *command, keys=keys)
            for command in (
                ("status", str(out), "--json", "--synsets"),
                ("plan", str(config), "--json"),
                ("engines", "--json", "--config", str(config)),
            )
        ),
    ]
    assert [done.returncode for done in said] == [0] * 4, [done.stderr for done in said]
    searches = [call for call in talkative.log.calls if call.path == "/v1/images/"]
    token = searches[0].headers["authorization"].removeprefix("Bearer ")
    assert token in talkative.tokens
    hits = pq.read_table(out / "hits.parquet").to_pylist()
    assert {row["creator"] for row in hits} == {"*** ***"}  # it was really repeated
    assert assert_hidden(out, built, *said, keys=(*ACCOUNT.values(), *talkative.tokens)) > 15


@pytest.mark.parametrize(
    "reply",
    [
        Reply.text("TOKEN is not known", 403),
        Reply(401, b'{"detail": "anonymous: Bearer TOKEN"}', "application/json"),
        Reply(400, json.dumps({"detail": {"q": ["TOKEN", *ACCOUNT.values()]}}).encode(), "application/json"),
        Reply.text("Bearer TOKEN", 502),
        Reply.text("<p>TOKEN</p>", kind="html"),
        Reply(200, b'{"results": "TOKEN", "page_count": 1}', "application/json"),
        Reply(200, b'{"result_count": 1, "page_count": 1, "results": [{"id": "TOKEN"}]}', "application/json"),
    ],
    ids=["403", "401", "400", "502", "portal", "other form", "other items"],
)
def test_a_token_in_a_failing_answer_is_shown_nowhere(talkative, tmp_path, reply):
    out = tmp_path / "run"
    config = write_config(tmp_path, {"openverse": talkative.base_url})
    for call in range(2, 200):  # the first call is for the token
        talkative.at(call, reply)
    built = imagenet_build_here("-v", "build", str(config), "--out", str(out), keys=ACCOUNT)
    assert built.returncode in (0, 1), built.stderr
    assert talkative.log.count("/v1/images/") > 0
    assert len(talkative.tokens) == 1
    said = imagenet_build_here("-v", "status", str(out), "--json", keys=ACCOUNT)
    assert_hidden(out, built, said, keys=(*ACCOUNT.values(), *talkative.tokens))


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_a_secret_that_the_token_endpoint_repeats_is_shown_nowhere(talkative, tmp_path, status):
    out = tmp_path / "run"
    config = write_config(tmp_path, {"openverse": talkative.base_url})
    sent = urlencode(ACCOUNT)
    answer = {"error": sent, "error_description": ACCOUNT["OPENVERSE_CLIENT_SECRET"], "token_type": sent}
    talkative.always(Reply.json({**answer, "access_token": "token of another kind"}, status))
    built = imagenet_build_here("-v", "build", str(config), "--out", str(out), keys=ACCOUNT)
    assert built.returncode == 1, built.stderr
    assert talkative.log.count("/v1/images/") == 0
    said = imagenet_build_here("-v", "status", str(out), "--json", keys=ACCOUNT)
    assert "token endpoint" in said.stdout
    assert_hidden(out, built, said, keys=(*ACCOUNT.values(), "token of another kind"))
