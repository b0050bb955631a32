"""Answers that are no HTTP, or too much of it, or too slow, or another picture's; and odd ones that are right."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterator

from tests.fakes.hostile_files import GIF, HTML, PHOTO, PNG
from tests.fakes.hostile_server import ACCEPTED, WAITING, Answer, Talk, endless, good, raw
from tests.fakes.pictures import photo

Exchange = tuple[str, Answer, str]
"""Name, answer, what is expected (several, divided by spaces, where more than one is right)."""
OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
_NO_ANSWER = "bad_answer cut_off unreachable"
_CUT = "cut_off bad_answer"
_SLOW = "timeout too_slow"


def exchanges() -> Iterator[Exchange]:
    yield from statuses()
    yield from heads()
    yield from lengths()
    yield from chunks()
    yield from codings()
    yield from times()


def with_length(body: bytes, length: int | str) -> bytes:
    return OK + f"Content-Length: {length}\r\n\r\n".encode() + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def statuses() -> Iterator[Exchange]:
    picture = photo(20, 96, 80)
    for status in (400, 401, 402, 403, 404, 405, 406, 410, 414, 418, 451):
        yield f"status {status}", good(HTML, status=f"{status} No", kind="text/html"), "http_error"
    for status in (500, 501, 502, 504, 507, 520, 599, 408, 425):
        yield f"status {status}", good(b"", status=f"{status} Ill"), "server_error"
    yield "status 404 with a picture", good(picture, status="404 Not Found"), "http_error"
    for status in (429, 503):
        yield f"status {status}", good(b"", status=f"{status} Later"), "throttled"
        long = good(b"", "Retry-After: 86400", status=f"{status} Later")
        yield f"status {status}, retry after a day", long, WAITING
    yield "retry after a nonsense", good(b"", "Retry-After: soon", status="429 Later"), "throttled"
    yield "retry after an age", good(b"", "Retry-After: " + "9" * 400, status="503 No"), WAITING
    for status in (201, 202, 203, 226):
        yield f"status {status} with a picture", good(picture, status=f"{status} Odd"), "http_error"
    for status in (204, 205, 304):
        yield f"status {status}", raw(b"HTTP/1.1 %d None\r\n\r\n" % status), "http_error"
    part = good(picture[:500], "Content-Range: bytes 0-499/9999", status="206 Partial Content")
    yield "status 206 unasked", part, "http_error"
    yield "status 300 without a choice", good(HTML, status="300 Choose"), "http_error"
    yield "status 302 without location", good(b"", status="302 Found"), "http_error too_many_redirects bad_answer"
    yield (
        "status 101",
        raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + PNG),
        (f"http_error timeout {_NO_ANSWER}"),
    )
    yield "status 999", good(b"", status="999 Denied"), "http_error server_error bad_answer"
    for status in (b"99", b"2000", b"-200", b"abc", b"", b"2 00"):
        yield f"status {status.decode() or 'missing'}", raw(b"HTTP/1.1 " + status + b"\r\n\r\n"), "bad_answer"
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    whole = with_length(picture, len(picture))
    yield "early hints", raw(early + whole), ACCEPTED
    yield "ten times continue", raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10 + whole), ACCEPTED
    yield "continue for ever", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "bad_answer"
    yield "hints for ever", endless(b"", early * 100, pause_s=0.01), "bad_answer"


def heads() -> Iterator[Exchange]:
    picture = photo(21, 96, 80)
    length = f"Content-Length: {len(picture)}\r\n".encode()
    yield "http 0.9", raw(PHOTO), "bad_answer"
    yield "http 0.9, html", raw(HTML), "bad_answer"
    yield "http 3.7", raw(with_length(picture, len(picture)).replace(b"1.1", b"3.7", 1)), f"bad_answer {ACCEPTED}"
    yield "http 1.0", raw(b"HTTP/1.0 200 OK\r\n\r\n" + picture), ACCEPTED
    yield "another protocol", raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "bad_answer"
    yield "radio", raw(b"ICY 200 OK\r\n\r\n" + picture), "bad_answer"
    yield "http 2", raw(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff"), _NO_ANSWER
    yield "noise", raw(bytes(range(256)) * 8), "bad_answer"
    yield "zeros", raw(bytes(5000)), "bad_answer"
    yield "nothing", raw(b""), _NO_ANSWER
    yield "reset", raw(b"", then="reset"), _NO_ANSWER
    yield "half a status line", raw(b"HTTP/1."), _NO_ANSWER
    yield "half a head", raw(OK), _NO_ANSWER
    yield "a head and a reset", raw(OK, then="reset"), _NO_ANSWER
    yield "a line without colon", raw(OK + length + b"no colon here\r\n\r\n" + picture), f"bad_answer {ACCEPTED}"
    yield "a header without name", raw(OK + length + b": value\r\n\r\n" + picture), f"bad_answer {ACCEPTED}"
    yield "a null in a header", raw(OK + length + b"X-A: a\0b\r\n\r\n" + picture), f"bad_answer {ACCEPTED}"
    yield "a bare return in a header", raw(OK + length + b"X-A: a\rb\r\n\r\n" + picture), f"bad_answer {ACCEPTED}"
    yield "a folded header", raw(OK + length + b"X-A: a\r\n b\r\n\r\n" + picture), f"bad_answer {ACCEPTED}"
    yield "a header in latin-1", raw(OK + length + b"X-A: \xe9\xff\r\n\r\n" + picture), ACCEPTED
    yield (
        "lines ending in a newline",
        raw(b"HTTP/1.1 200 OK\n" + length[:-2] + b"\n\n" + picture),
        (f"bad_answer {ACCEPTED}"),
    )
    many = b"".join(b"X-%d: a\r\n" % number for number in range(20_000))
    yield "20,000 headers", raw(OK + many + length + b"\r\n" + picture), "bad_answer"
    yield "20,000 times one header", raw(OK + b"X-A: a\r\n" * 20_000 + length + b"\r\n" + picture), "bad_answer"
    yield "a header of 2 MB", raw(OK + b"X-A: " + b"a" * (2 << 20) + b"\r\n\r\n" + picture), "bad_answer"
    yield "a status line of 2 MB", raw(b"HTTP/1.1 200 " + b"O" * (2 << 20) + b"\r\n\r\n"), "bad_answer"
    yield "a header without end", endless(OK + b"X-A: ", b"a" * 65536), "bad_answer timeout"
    yield "headers without end", endless(OK, b"X-A: a\r\n" * 1000), "bad_answer timeout"
    yield "cookies", raw(OK + b"Set-Cookie: a=b\r\n" * 50 + length + b"\r\n" + picture), ACCEPTED
    for kind in ("", "application/octet-stream", "text/plain", "image/gif", ";;;,/", "image/jpeg" + ";a=b" * 500):
        yield f"type {kind[:20] or 'missing'}", good(photo(22, 96, 80), kind=kind), ACCEPTED
    for kind in ("text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"):
        yield f"type {kind}", good(picture, kind=kind), "html"


def lengths() -> Iterator[Exchange]:
    picture = photo(23, 96, 80)
    size = len(picture)
    yield "no length", raw(OK + b"\r\n" + picture), ACCEPTED
    yield "no length, cut", raw(OK + b"\r\n" + picture[: size // 2]), "truncated"
    yield "no length, reset", raw(OK + b"\r\n" + picture[: size // 2], then="reset"), "cut_off truncated unreachable"
    yield "less than announced", raw(with_length(picture, size + 1)), "cut_off"
    yield "far less than announced", raw(with_length(picture[:100], size)), "cut_off"
    yield "nothing of what was announced", raw(with_length(b"", size)), "cut_off"
    yield "cut by a reset", raw(with_length(picture[:500], size), then="reset"), "cut_off unreachable"
    yield "more than announced", raw(with_length(picture + HTML, size)), f"{ACCEPTED} bad_answer"
    yield "announced shorter than it is", raw(with_length(picture, size // 2)), "truncated bad_answer"
    yield "announced as empty", raw(with_length(picture, 0)), "empty bad_answer"
    yield (
        "another answer behind the first",
        raw(with_length(picture, size) + with_length(HTML, len(HTML)), then="keep"),
        f"{ACCEPTED} bad_answer",
    )
    for length in ("-1", "abc", "0x10", "1e3", "", "+5", "12 13", f"{size}, {size + 1}", "9" * 40):
        yield (
            f"length {length[:12] or 'empty'}",
            raw(with_length(picture, length)),
            (f"bad_answer too_many_bytes {ACCEPTED if not length else ''}"),
        )
    two = OK + b"Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (size, size // 2)
    yield "two lengths", raw(two + picture), "bad_answer"
    yield "a length of a terabyte", raw(with_length(picture, 10**12), then="hang"), "too_many_bytes"
    yield "a body without end", endless(OK + b"\r\n", bytes(65536)), "too_many_bytes"
    yield "a picture again and again", endless(OK + b"\r\n", PHOTO), "too_many_bytes"
    yield "no length, more than allowed", raw(OK + b"\r\n" + PHOTO + bytes(5 << 20)), "too_many_bytes"


def chunks() -> Iterator[Exchange]:
    picture = photo(24, 96, 80)
    end = b"0\r\n\r\n"
    yield "chunked", raw(CHUNKED + chunk(picture[:700]) + chunk(picture[700:]) + end), ACCEPTED
    yield (
        "chunks of one byte",
        raw(CHUNKED + b"".join(chunk(picture[n : n + 1]) for n in range(len(picture))) + end),
        (ACCEPTED),
    )
    yield "chunks with a trailer", raw(CHUNKED + chunk(picture) + b"0\r\nX-A: b\r\n\r\n"), ACCEPTED
    yield "chunked, not ended", raw(CHUNKED + chunk(picture)), _CUT
    yield "a chunk cut", raw(CHUNKED + b"ffff\r\n" + picture), _CUT
    yield "chunks reset", raw(CHUNKED + chunk(picture[:700]), then="reset"), f"{_CUT} unreachable"
    for size in (b"zz", b"-5", b"", b"0x10", b"ffffffffffffffffffff", b"5 5", b"\0"):
        data = CHUNKED + size + b"\r\n" + picture + b"\r\n" + end
        yield f"chunk size {size.decode() or 'missing'!r}", raw(data), f"{_CUT} too_many_bytes"
    yield "a chunk longer than its size", raw(CHUNKED + b"10\r\n" + picture + b"\r\n" + end), _CUT
    yield "chunks without end", endless(CHUNKED, chunk(bytes(60_000))), "too_many_bytes"
    yield "a chunk extension of 2 MB", raw(CHUNKED + b"1;" + b"a" * (2 << 20) + b"\r\n"), _CUT
    yield "a chunk extension without end", endless(CHUNKED + b"1;", b"a" * 65536), f"{_CUT} {_SLOW}"
    yield (
        "a trailer without end",
        endless(CHUNKED + chunk(picture) + b"0\r\n", b"X-A: a\r\n" * 1000),
        (f"{_CUT} {_SLOW} too_many_bytes"),
    )
    both = CHUNKED.replace(b"Transfer", b"Content-Length: 5\r\nTransfer")
    yield "chunked, and a length", raw(both + chunk(picture) + end), f"{ACCEPTED} bad_answer"
    yield "an unknown transfer coding", raw(CHUNKED.replace(b"chunked", b"x-zip") + picture), f"bad_answer {ACCEPTED}"
    yield "said to be chunked", raw(CHUNKED + picture), _CUT


def codings() -> Iterator[Exchange]:
    picture = photo(25, 96, 80)

    def coded(data: bytes, name: str) -> Answer:
        return good(data, f"Content-Encoding: {name}")

    yield "gzip", coded(gzip.compress(picture), "gzip"), ACCEPTED
    yield "deflate", coded(zlib.compress(picture), "deflate"), ACCEPTED
    yield "gzip bomb", coded(bomb(31), "gzip"), "too_many_bytes"
    yield (
        "gzip bomb in chunks",
        raw(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + chunk(bomb(31)) + b"0\r\n\r\n"),
        "too_many_bytes",
    )
    yield "deflate bomb", coded(bomb(15), "deflate"), "too_many_bytes"
    yield (
        "gzip bomb in a gzip bomb",
        coded(gzip.compress(bomb(31)), "gzip, gzip"),
        ("too_many_bytes bad_answer not_an_image corrupt"),
    )
    packed = gzip.compress(picture)
    yield "gzip cut", coded(packed[: len(packed) // 2], "gzip"), "bad_answer cut_off truncated"
    yield "gzip with a wrong checksum", coded(packed[:-8] + bytes(8), "gzip"), f"bad_answer cut_off {ACCEPTED}"
    yield "said to be gzip", coded(picture, "gzip"), "bad_answer"
    yield "said to be deflate", coded(picture, "deflate"), "bad_answer"
    yield "said to be brotli", coded(picture, "br"), f"bad_answer {ACCEPTED}"
    yield "said to be zstd", coded(picture, "zstd"), f"bad_answer {ACCEPTED}"
    yield "an unknown coding", coded(picture, "x-secret"), f"bad_answer {ACCEPTED}"
    yield "gzip of gzip", coded(gzip.compress(packed), "gzip"), "not_an_image"
    yield "gzip with html behind", coded(packed + HTML, "gzip"), f"{ACCEPTED} bad_answer"
    yield "identity", coded(picture, "identity"), ACCEPTED


def bomb(wbits: int) -> bytes:
    """2 GB of zeros in 2 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * 2000 + packer.flush()


def times() -> Iterator[Exchange]:
    size = len(PHOTO)
    yield "silence", raw(b"", then="hang"), "timeout"
    yield "silence after the status line", raw(b"HTTP/1.1 200 OK\r\n", then="hang"), "timeout"
    yield "silence after the head", raw(with_length(b"", size), then="hang"), _SLOW
    yield "silence in the body", raw(with_length(PHOTO[: size // 2], size), then="hang"), _SLOW
    yield "silence before the last byte", raw(with_length(PHOTO[:-1], size), then="hang"), _SLOW
    yield "silence after the last chunk", raw(CHUNKED + chunk(PHOTO), then="hang"), _SLOW
    yield "a connection that is left open", raw(OK + b"\r\n" + PHOTO, then="hang"), _SLOW
    yield "a head in drops", dripping(OK + b"\r\n"), "timeout"
    yield "a body in drops", dripping(PHOTO, with_length(b"", size)), _SLOW
    yield "a body in spoonfuls", dripping(PHOTO, with_length(b"", size), piece=40), _SLOW
    yield "chunks in drops", endless(CHUNKED, chunk(b"a"), pause_s=0.1), _SLOW
    yield "endless and slow", endless(OK + b"\r\n", GIF[:50], pause_s=0.1), _SLOW
    yield "drops that begin well", dripping(bytes(50_000), with_length(PHOTO, 60_000)), _SLOW


def dripping(data: bytes, head: bytes = b"", piece: int = 1, pause_s: float = 0.2) -> Answer:
    async def answer(talk: Talk) -> None:
        await talk.send(head)
        for start in itertools.count(0, piece):
            await talk.send(data[start : start + piece])
            await talk.pause(pause_s if start < len(data) else 3600)

    return answer
