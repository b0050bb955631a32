import asyncio
import gzip
import subprocess
import sys

import aiohttp
import pytest

from tests.fakes import image_server
from tests.fakes.image_server import ImageServer
from tests.fakes.pictures import photo
from tests.fakes.server import Reply

PICTURE = photo(1)


async def get(url: str, **options: object) -> tuple[int, bytes, dict[str, str]]:
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(url, **options) as answer:
        return answer.status, await answer.read(), {name.lower(): value for name, value in answer.headers.items()}


async def test_pictures_and_headers_and_counts():
    async with ImageServer() as server:
        url = server.serve("/a.jpg", image_server.picture(PICTURE, headers={"X-Robots-Tag": "noai"}))
        status, body, headers = await get(url)
        assert (status, body, headers["content-type"]) == (200, PICTURE, "image/jpeg")
        assert headers["x-robots-tag"] == "noai"
        assert (await get(server.url("/other.jpg")))[0] == 404
        assert (await get(server.url("/robots.txt")))[0] == 404
        assert server.log.counts() == {"/a.jpg": 1, "/other.jpg": 1, "/robots.txt": 1}
        assert all(call.end_s is not None for call in server.log.calls)


async def test_replies_follow_each_other_and_the_last_stays():
    async with ImageServer() as server:
        url = server.serve("/a.jpg", image_server.refusal(503, {"Retry-After": "2"}), PICTURE)
        assert [(await get(url))[0] for _ in range(3)] == [503, 200, 200]


async def test_cut_bodies_and_dropped_connections_are_seen_as_such():
    async with ImageServer() as server:
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(server.serve("/cut.jpg", image_server.cut_off(PICTURE)))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await get(server.serve("/dropped.jpg", Reply(mode="drop")))


async def test_endless_bodies_end_with_the_client():
    async with ImageServer() as server:
        url = server.serve("/endless.jpg", image_server.endless(PICTURE))
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert len(await answer.content.readexactly(3_000_000)) == 3_000_000
            assert answer.content_length is None


async def test_dripping_comes_in_pieces_but_whole():
    async with ImageServer() as server:
        url = server.serve("/slow.jpg", image_server.dripping(PICTURE[:300], piece_bytes=100, pause_s=0.01))
        assert (await get(url))[1] == PICTURE[:300]


async def test_silence_outlives_a_clients_patience_but_not_the_server():
    async with ImageServer() as server:
        url = server.serve("/silent.jpg", Reply(mode="hang"))
        with pytest.raises(asyncio.TimeoutError):
            await get(url, timeout=aiohttp.ClientTimeout(total=0.1))


async def test_concurrency_is_measured():
    async with ImageServer() as server:
        server.serve("/a.jpg", Reply(200, PICTURE, "image/jpeg", mode="wait"))
        fetches = [asyncio.create_task(get(server.url("/a.jpg"))) for _ in range(3)]
        await asyncio.to_thread(server.log.wait_for, 3, "/a.jpg")
        server.release()
        assert [status for status, _, _ in await asyncio.gather(*fetches)] == [200, 200, 200]
        await get(server.url("/a.jpg"))
        assert server.log.most_at_once("/a.jpg") == 3
        assert len(server.log.gaps_s("/a.jpg")) == 3


async def test_gzip_redirects_and_soft_404():
    async with ImageServer() as server:
        _, body, headers = await get(server.serve("/z.jpg", image_server.gzipped(PICTURE)))
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == PICTURE
        server.serve("/loop.jpg", image_server.redirect("/loop.jpg"))
        with pytest.raises(aiohttp.TooManyRedirects):
            await get(server.url("/loop.jpg"))
        status, body, headers = await get(server.serve("/soft.jpg", image_server.soft_404()))
        assert (status, headers["content-type"], body[:9]) == (200, "text/html", b"<!doctype")


async def test_one_server_can_be_several_hosts():
    async with ImageServer(("127.0.0.1", "127.0.0.2")) as server:
        server.serve("/a.jpg", PICTURE)
        assert (await get(server.url("/a.jpg", "127.0.0.2")))[0] == 200
        assert (await get(server.url("/a.jpg")))[0] == 200
        assert [call.host for call in server.log.calls] == [f"127.0.0.{n}:{server.port}" for n in (2, 1)]


def test_serves_other_processes_while_the_test_waits():
    with ImageServer() as server:
        url = server.serve("/a.jpg", PICTURE)
        code = f"import urllib.request as u; print(len(u.urlopen({url!r}, timeout=20).read()))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert int(done.stdout) == len(PICTURE)
