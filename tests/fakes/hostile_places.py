"""Redirects, addresses, names, TLS, robots.txt and opt-outs: where a client must not go, and what it must not take."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fakes.hostile_files import HTML, PHOTO
from tests.fakes.hostile_server import ACCEPTED, WAITING, Answer, Case, Talk, endless, good, raw, redirect
from tests.fakes.hostile_wire import OK, bomb, dripping
from tests.fakes.pictures import photo

PICTURE = photo(30, 96, 80)
LOOPBACK = (
    *("127.0.0.1", "localhost", "LOCALHOST", "127.1", "127.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "0"),
    *("0.0.0.0", "127.77.0.1@127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::]", "[0:0:0:0:0:ffff:7f00:1]"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "127.255.255.254", "127.78.0.1"),
)
METADATA = (
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "192.0.0.192",  # Oracle's, in a network that old versions of Python take for public
    "168.63.129.16",  # Azure's, public by its number
)
PRIVATE = (
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1", "192.0.0.8", "240.0.0.1"),
    *("255.255.255.255", "224.0.0.1", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[ff02::1]", "[2001:db8::1]"),
)
SLOW = "slow"
"""Stands for a name service that does not answer."""
NAMES = {
    "loopback.hostile.test": [["127.0.0.1"]],
    "loopback6.hostile.test": [["::1"]],
    "mapped.hostile.test": [["::ffff:127.0.0.1"]],
    "metadata.hostile.test": [["169.254.169.254"]],
    "private.hostile.test": [["10.1.2.3"]],
    "mixed.hostile.test": [["{mixed}", "127.0.0.1"]],
    "unknown.hostile.test": [[]],
    "slow.hostile.test": [[SLOW]],
    "rebinding.hostile.test": [["{rebinding}"], ["127.0.0.1"]],
    **{f"{name}.hostile.test": [[f"{{tls {name}}}"]] for name in ("good", "expired", "future", "self", "other")},
}
"""Name -> its addresses when asked for the first time, the second, ... and ever after; {case}: that case's."""


def expecting(text: str) -> frozenset[str]:
    return frozenset(text.split())


def places() -> Iterator[Case]:
    yield from redirects()
    yield from addresses()
    yield from names()
    yield from secured()
    yield from robots_files()
    yield from opt_outs()
    yield from several()


def redirects() -> Iterator[Case]:
    def case(name: str, expected: str, answer: Answer, **more: object) -> Case:
        return Case(f"redirect {name}", expecting(expected), answer, **more)  # type: ignore[arg-type]

    yield case("to itself", "too_many_redirects", redirect("/0.jpg"))
    yield case("to itself, without a word", "too_many_redirects bad_answer http_error", redirect(""))
    yield case("for ever", "too_many_redirects", _onwards(10**9))
    yield case("three times", ACCEPTED, _onwards(3))
    yield case("four times", "too_many_redirects", _onwards(4))
    yield case("between two hosts (one)", "too_many_redirects", redirect("http://{redirect between two hosts (two)}/"))
    yield case("between two hosts (two)", "too_many_redirects", redirect("http://{redirect between two hosts (one)}/"))
    for scheme in ("ftp://{self}/a.jpg", "file:///etc/passwd", "data:image/png;base64,AAAA", "javascript:alert(1)"):
        yield case(f"to {scheme.partition(':')[0]}", "scheme_refused", redirect(scheme))
    yield case("to gopher", "scheme_refused", redirect("gopher://{self}/x"))
    for location in (
        "http://",
        "http:///a.jpg",
        "http://[::1",
        "http://{self}9999999/",
        "http://a b/",
        "//",
        "http://%00/",
    ):
        yield case(f"to {location!r}", "bad_url scheme_refused host_unknown too_many_redirects", redirect(location))
    yield case("to a dot", "bad_url host_unknown", redirect("http://./a.jpg"))
    yield case("to a very long name", "bad_url host_unknown", redirect(f"http://{'a' * 300}.test/"))
    yield case("to a very long address", "http_error bad_answer", _long())
    yield case("in another encoding", ACCEPTED, _to_noise())
    yield case("with a body without end", ACCEPTED, _with_endless_body())
    yield case("to a host that refuses robots", "robots_refused", redirect("http://{robots: nobody}/1.jpg"))
    yield case("to a host that is down", "unreachable", redirect("http://{nobody there}/1.jpg"))
    yield case("to a picture elsewhere", ACCEPTED, redirect("http://{redirect three times}/3.jpg", "308 Moved"))
    for status in ("301 Moved", "303 See", "307 There"):
        yield case(f"with {status[:3]}", ACCEPTED, redirect("//{redirect three times}/3.jpg", status))
    yield case("in the page", "html", good(b'<meta http-equiv="refresh" content="0;url=/1.jpg">' + HTML))
    yield case("in a refresh header", "empty", good(b"", "Refresh: 0; url=/1.jpg"))


def _onwards(last: int) -> Answer:
    """/0.jpg leads to /1.jpg, and so on."""

    async def answer(talk: Talk) -> None:
        number = int(talk.path.strip("/").removesuffix(".jpg"))
        await (good(PICTURE) if number >= last else redirect(f"/{number + 1}.jpg"))(talk)

    return answer


def _long() -> Answer:
    async def answer(talk: Talk) -> None:
        is_first = talk.path == "/0.jpg"
        await (redirect(f"/{'a' * 7000}.jpg") if is_first else good(b"", status="414 Too Long"))(talk)

    return answer


def _to_noise() -> Answer:
    async def answer(talk: Talk) -> None:
        head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: /\xe9t\xe9 \xff.jpg\r\n\r\n"
        await (talk.send(head) if talk.path == "/0.jpg" else good(PICTURE)(talk))

    return answer


def _with_endless_body() -> Answer:
    async def answer(talk: Talk) -> None:
        head = b"HTTP/1.1 302 Found\r\nLocation: /1.jpg\r\n\r\n"
        await (endless(head, bytes(65536)) if talk.path == "/0.jpg" else good(PICTURE))(talk)

    return answer


def addresses() -> Iterator[Case]:
    refused = expecting("address_refused")
    for host in (*LOOPBACK, *METADATA, *PRIVATE):
        port = ":{bait}" if host in LOOPBACK else ""
        expected = refused | {"bad_url" if "%" in host else "address_refused"}
        yield Case(f"redirect to {host}", expected, redirect(f"http://{host}{port}/latest/meta-data/"))
    for host in ("127.0.0.1", "[::1]", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
        yield Case(f"straight to {host}", refused, raw(b""), url=f"http://{host}:{{bait}}/0.jpg")
    yield Case("redirect within https to loopback", refused, redirect("https://127.0.0.1:{bait}/"))
    yield Case("redirect to loopback at the second hop", refused, redirect("http://{redirect to 127.0.0.1}/"))


def names() -> Iterator[Case]:
    refused = expecting("address_refused")
    for name in ("loopback", "loopback6", "mapped", "metadata", "private"):
        yield Case(f"name of {name}", refused, redirect(f"http://{name}.hostile.test:{{bait}}/0.jpg"))
    yield Case("mixed", refused, good(PICTURE), host="mixed.hostile.test")
    # the connection must be made to the address that was checked: asked again, the name is loopback
    yield Case("rebinding", expecting(f"{ACCEPTED} address_refused"), good(PICTURE), host="rebinding.hostile.test")
    yield Case("unknown name", expecting("host_unknown"), raw(b""), host="unknown.hostile.test")
    yield Case("redirect to an unknown name", expecting("host_unknown"), redirect("http://unknown.hostile.test/"))
    yield Case("slow name", expecting("timeout unreachable host_unknown"), raw(b""), host="slow.hostile.test")
    yield Case("nobody there", expecting("unreachable"), raw(b""), is_up=False)
    yield Case("nobody accepts", expecting("timeout unreachable"), raw(b""), backlog=0)


def secured() -> Iterator[Case]:
    def case(name: str, expected: str, file: str = "", answer: Answer | None = None, **more: object) -> Case:
        host = f"{name}.hostile.test" if file else ""
        more = {"host": host, "certificate": file, "is_https": True, **more}
        return Case(f"tls {name}", expecting(expected), answer or good(PICTURE), **more)  # type: ignore[arg-type]

    failed = "tls_failed"
    yield case("good", ACCEPTED, "good.pem")
    yield case("expired", failed, "expired.pem")
    yield case("future", failed, "future.pem")
    yield case("self", failed, "self_signed.pem")
    yield case("other", failed, "elsewhere.pem")
    yield case("of an address", failed, "good.pem", host="")
    yield case("alert", failed, at_once=raw(b"\x15\x03\x01\0\x02\x02\x28"))
    yield case("noise", failed, at_once=raw(bytes(range(256)) * 8))
    yield case("that is plain", failed, at_once=good(PICTURE))
    yield case("end", f"{failed} unreachable cut_off", at_once=raw(b""))
    yield case("silence", f"{failed} timeout unreachable", at_once=raw(b"", then="hang"))
    yield Case("redirect to bad tls", expecting(failed), redirect("https://{tls expired}/0.jpg"))
    yield Case("redirect to good tls", expecting(ACCEPTED), redirect("https://{tls good}/0.jpg"))
    plain = expecting("bad_answer cut_off unreachable robots_unreachable")
    yield Case("redirect to tls without tls", plain, redirect("http://{tls good}/0.jpg"))
    yield Case("answered before it was asked", plain | {ACCEPTED}, raw(b""), at_once=good(PICTURE))


def robots_files() -> Iterator[Case]:
    def case(name: str, expected: str, robots: Answer) -> Case:
        return Case(f"robots: {name}", expecting(expected), good(PICTURE), robots=robots)

    def text(*lines: str) -> Answer:
        return good("\n".join(lines).encode(), kind="text/plain")

    unreachable = "robots_unreachable"
    nothing = "Disallow: /"
    yield case("nobody", "robots_refused", text("User-agent: *", nothing))
    yield case("not us", "robots_refused", text("User-agent: imagenet_build", nothing, "", "User-agent: *", "Allow: /"))
    yield case("not others", ACCEPTED, text("User-agent: otherbot", nothing))
    yield case("behind a mark", "robots_refused", good(b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /", kind="text/plain"))
    yield case("behind 400 kB", "robots_refused", text(*["# comment"] * 40_000, "User-agent: *", nothing))
    yield case("of 5 MB", f"{ACCEPTED} {unreachable}", text(*["# comment"] * 500_000))
    yield case("of 25,000 rules", ACCEPTED, text("User-agent: *", *["Disallow: /*a*a*a*$"] * 25_000))
    yield case("of many stars", ACCEPTED, text("User-agent: *", "Disallow: /" + "*a" * 300 + "*b$"))
    yield case("without end", f"{ACCEPTED} {unreachable}", endless(OK + b"\r\n", b"# a\n" * 1000))
    yield case("html", ACCEPTED, good(HTML, kind="text/html"))
    yield case("noise", ACCEPTED, good(bytes(range(256)) * 40))
    yield case("empty", ACCEPTED, good(b"", kind="text/plain"))
    yield case("forbidden", ACCEPTED, good(b"", status="403 No"))
    yield case("ill", unreachable, good(b"", status="500 Ill"))
    yield case("busy", f"{unreachable} throttled {WAITING}", good(b"", "Retry-After: 7200", status="503 Busy"))
    yield case("silent", unreachable, raw(b"", then="hang"))
    yield case("in drops", unreachable, dripping(b"User-agent: *\n" * 1000, OK + b"\r\n"))
    yield case("cut", unreachable, raw(OK + b"Content-Length: 999\r\n\r\nUser-agent: *\n"))
    yield case("gone", unreachable, raw(b"", then="reset"))
    yield case("no http", unreachable, raw(b"User-agent: *\nAllow: /\n"))
    yield case("in a circle", f"{unreachable} {ACCEPTED}", redirect("/robots.txt"))
    yield case("on loopback", f"{unreachable} {ACCEPTED}", redirect("http://127.0.0.1:{bait}/robots.txt"))
    yield case("in a bomb", f"{unreachable} {ACCEPTED}", good(bomb(31), "Content-Encoding: gzip"))
    signals = {
        "Content-Signal: ai-train=no": "opted_out",
        "Content-Signal: search=yes, ai-train=no": "opted_out",
        "Content-Signal: search=no, ai-train=yes": ACCEPTED,
        "Content-Usage: train-ai=n": "opted_out",
        "Content-Usage: train-ai=y": ACCEPTED,
    }
    for line, expected in signals.items():
        yield case(line, expected, text("User-agent: *", line, "Allow: /"))


def opt_outs() -> Iterator[Case]:
    refusing = (
        *(
            "noai",
            "noimageai",
            "noindex",
            "noimageindex",
            "none",
            "NOAI",
            "nofollow, noimageai",
            "imagenet_build: noai",
        ),
        *("*: noai", "imagenet_build: nofollow, noindex", "unavailable_after: 25 Jun 2010 15:00:00 PST, noai"),
        *("max-image-preview: none, noai", "otherbot: all, imagenet_build: noai", "nofollow\r\nX-Robots-Tag: noai"),
    )
    for value in refusing:
        answer = good(PICTURE, f"X-Robots-Tag: {value}")
        yield Case(f"x-robots-tag {value}".replace("\r\n", " | "), expecting("opted_out"), answer)
    for value in ("all", "nofollow", "otherbot: noai", "max-image-preview: none", "noaisle", "otherbot: noindex, noai"):
        yield Case(f"x-robots-tag {value}", expecting(ACCEPTED), good(PICTURE, f"X-Robots-Tag: {value}"))
    yield Case("tdm-reservation 1", expecting("opted_out"), good(PICTURE, "tdm-reservation: 1"))
    yield Case("tdm-reservation 0", expecting(ACCEPTED), good(PICTURE, "TDM-Reservation: 0"))
    # the body must not be waited for
    hanging = raw(OK + b"X-Robots-Tag: noai\r\nContent-Length: 99999\r\n\r\n", then="hang")
    yield Case("opted out, and silent", expecting("opted_out"), hanging)
    yield Case("opted out behind a redirect", expecting("opted_out"), redirect("http://{x-robots-tag noai}/0.jpg"))


def several() -> Iterator[Case]:
    same = photo(31, 96, 80)
    yield Case("placeholder", expecting("placeholder"), good(same), urls=14)
    yield Case("a few times the same", expecting(ACCEPTED), good(photo(32, 96, 80)), urls=4)
    behind = OK + b"Content-Length: %d\r\n\r\n" % len(PHOTO) + PHOTO
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Robots-Tag: noai\r\n\r\n" % len(HTML) + HTML
    yield Case("an answer to what was not asked", expecting(ACCEPTED), raw(behind + smuggled, then="keep"), urls=6)
