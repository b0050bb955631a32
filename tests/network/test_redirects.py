"""Where the client lets itself be sent, and how it spells what it asks for."""

import asyncio

import pytest

from imagenet_build.errors import AddressRefused, HopRefused, TooManyRedirects
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from tests.fakes.image_server import ImageServer, redirect, refusal
from tests.fakes.pictures import photo
from tests.network.raw_server import raw_server, saying

PICTURE = photo(1)
LIMIT = 1_000_000


async def test_redirects_are_followed_and_every_hop_is_asked_for(image_server, client):
    hops = []

    async def before_hop(url: str) -> None:
        hops.append(url)

    first = image_server.serve("/1.jpg", redirect("/2.jpg", 301))
    second = image_server.serve("/2.jpg", redirect(image_server.url("/3.jpg"), 307))
    third = image_server.serve("/3.jpg", PICTURE)
    answer = await client.get(first, timeout_s=10, max_bytes=LIMIT, before_hop=before_hop)
    assert answer.body == PICTURE
    assert hops == [first, second, third]


async def test_a_refused_hop_is_not_connected_to(image_server, client):
    async def before_hop(url: str) -> None:
        if "/private/" in url:
            raise HopRefused("not there", verdict=url)

    image_server.serve("/a.jpg", redirect("/private/b.jpg"))
    with pytest.raises(HopRefused, match="not there"):
        await client.get(image_server.url("/a.jpg"), timeout_s=10, max_bytes=LIMIT, before_hop=before_hop)
    assert image_server.log.counts() == {"/a.jpg": 1}


@pytest.mark.parametrize("most", [0, 1, 4])
async def test_a_loop_ends_after_so_many_redirects(image_server, client, most):
    url = image_server.serve("/loop.jpg", redirect("/loop.jpg"))
    with pytest.raises(TooManyRedirects):
        await client.get(url, timeout_s=10, max_bytes=LIMIT, max_redirects=most)
    assert image_server.log.count() == most + 1


@pytest.mark.parametrize("status", [300, 304, 302])
async def test_a_redirect_without_a_target_is_an_answer(image_server, client, status):
    url = image_server.serve("/a.jpg", refusal(status))
    assert (await client.get(url, timeout_s=10, max_bytes=LIMIT)).status == status


@pytest.mark.parametrize(
    "location",
    ["ftp://127.0.0.1/a.jpg", "file:///etc/passwd", "javascript:alert(1)", "data:image/png;base64,AAAA", "gopher://x/"],
)
async def test_other_schemes_are_not_followed(image_server, client, location):
    url = image_server.serve("/a.jpg", redirect(location))
    with pytest.raises(HopRefused, match="only http and https"):
        await client.get(url, timeout_s=10, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "target", ["127.0.0.2:{port}", "2130706434:{port}", "0x7f.2:{port}", "127.2:{port}", "[::ffff:7f00:2]:{port}"]
)
async def test_a_redirect_to_a_private_address_is_not_connected_to(client, target):
    with ImageServer(("127.0.0.1", "127.0.0.2")) as server:
        server.serve("/b.jpg", PICTURE)
        url = server.serve("/a.jpg", redirect(f"http://{target.format(port=server.port)}/b.jpg"))
        with pytest.raises(AddressRefused):
            await client.get(url, timeout_s=10, max_bytes=LIMIT)
        assert server.log.counts() == {"/a.jpg": 1}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "[::1]", "169.254.169.254"])
async def test_without_permission_nothing_local_is_connected_to(image_server, host):
    async with HttpClient(contact="", policy=AddressPolicy()) as strict:
        with pytest.raises(AddressRefused):
            await strict.get(image_server.url("/a.jpg", host), timeout_s=10, max_bytes=LIMIT)
    assert image_server.log.count() == 0


@pytest.mark.parametrize(
    "location",
    [
        b"",
        b"#top",
        b"?x",
        b"//",
        b"///a.jpg",
        b"http:",
        b"http://",
        b"http:///a.jpg",
        b"http://[::1",
        b"http://]/",
        b"http://127.0.0.1 .evil/",
        b"http://127.0.0.1:99999/",
        b"http://127.0.0.1:-1/",
        b"http://127.0.0.1:port/",
        b"http://..../",
        b"http://a..b/",
        b"http://" + b"a" * 300 + b"/",
        b"http://\xff\xfe/",
        b"http://%00/",
        b"%zz",
        b"\\\\evil\\share",
        b"../../../../a.jpg",
        b"a" * 8000,
        b"/\xff\xfe.jpg",
        b"/a\tb.jpg",
    ],
)
async def test_a_hostile_location_is_refused_for_good(client, location):
    """Nothing but a refusal that is not worth another try: no other exception, no connection elsewhere."""
    async with raw_server(
        saying(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
    ) as base:
        with pytest.raises((HopRefused, TooManyRedirects, AddressRefused)) as caught:
            await client.get(f"{base}/a.jpg", timeout_s=10, max_bytes=LIMIT)
    str(caught.value).encode()  # no half characters: the text goes into tables


# spelling


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        (b"/%7ea%2Fb%2fc?q=a%20b+c&sig=%7E%2B", b"/%7ea%2Fb%2fc?q=a%20b+c&sig=%7E%2B"),
        (b"/caf\xc3\xa9 1.jpg", b"/caf%C3%A9%201.jpg"),
        (b"/caf\xe9.jpg", b"/caf%E9.jpg"),
        (b"/a.jpg#part", b"/a.jpg"),
    ],
)
async def test_a_location_is_followed_in_its_own_spelling(location, asked, client):
    """Signed URLs are compared byte by byte; only what cannot be sent is encoded."""
    lines = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
        lines.append(await reader.readline())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with raw_server(script) as base:
        answer = await client.get(f"{base}/start", timeout_s=10, max_bytes=LIMIT)
    assert answer.body == b"ok"
    assert lines == [b"GET " + asked + b" HTTP/1.1\r\n"]


async def test_a_url_is_sent_as_given(client, image_server):
    path = "/%7ea/b%2Fc%2fd.jpg"
    image_server.serve(path, PICTURE)
    assert (await client.get(image_server.url(path), timeout_s=10, max_bytes=LIMIT)).body == PICTURE


async def test_a_url_with_other_letters_is_encoded(client, image_server):
    image_server.serve("/caf%C3%A9%20%E7%8C%AB.jpg", PICTURE)
    assert (await client.get(image_server.url("/café 猫.jpg"), timeout_s=10, max_bytes=LIMIT)).body == PICTURE


@pytest.mark.parametrize(
    "url", ["", "a.jpg", "ftp://x/", "file:///etc/passwd", "http://", "http://[::1", "http://\ud800/"]
)
async def test_what_is_no_url_is_refused(client, url):
    with pytest.raises(HopRefused):
        await client.get(url, timeout_s=10, max_bytes=LIMIT)
