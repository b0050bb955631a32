import asyncio
import os
import random
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator

import psutil
import pytest
from PIL import Image, features

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download import decode_pool
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.download.decode_worker import packed, unpacked
from imagenet_build.errors import BuildError, DataError
from imagenet_build.records import ImageFacts, Rejection, RejectReason
from tests.download.deadly import deadly_inspect
from tests.download.looking import facts_of, look
from tests.fakes.pictures import encoded, photo, photo_image

DIED = RejectReason.DECODER_FAILED


@pytest.fixture
def pool_of() -> Iterator[Callable[..., DecodePool]]:
    made = []

    def make(workers: int = 1, **config: object) -> DecodePool:
        made.append(DecodePool(DownloadConfig(**config), workers))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


async def test_facts_come_back_from_another_process_and_the_configuration_counts(pool_of):
    pool = pool_of(min_side_px=100)
    assert await pool.inspect(photo(1)) == facts_of(photo(1))
    assert (await pool.inspect(photo(1, 90, 200))).reason is RejectReason.TOO_SMALL


async def test_a_decoder_that_dies_costs_only_the_picture_that_killed_it(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of(2)
    fine = [b"fine %d" % number for number in range(8)]
    everything = [*fine[:3], b"kill", *fine[3:5], b"exit", b"kill again", *fine[5:]]
    found = await asyncio.gather(*(pool.inspect(data) for data in everything))
    for data, result in zip(everything, found, strict=True):
        assert (result.reason is DIED) == data.startswith((b"kill", b"exit")), (data, result)
    assert (await pool.inspect(b"and on it goes")).detail == "and on it goes"


async def test_an_error_in_a_decoder_costs_one_picture(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of()
    failed = [await pool.inspect(data) for data in (b"raise", b"memory")]
    assert [result.reason for result in failed] == [DIED, DIED]
    assert "ZeroDivisionError: a bug in a decoder" in failed[0].detail
    assert (await pool.inspect(b"fine")).detail == "fine"


async def test_a_picture_is_tried_once_more(pool_of, monkeypatch, tmp_path):
    """A process may be killed for another's memory."""
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    once = f"once {tmp_path / 'mark'}"
    assert (await pool_of().inspect(once.encode())).detail == once


async def test_a_decoder_that_never_ends_is_ended(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    monkeypatch.setattr(decode_pool, "MOST_CPU_S", 0.5)
    pool = pool_of()
    found = await asyncio.wait_for(pool.inspect(b"spin"), 30)
    assert (found.reason, found.detail) == (DIED, "more than 0.5 s of processor time")
    assert (await pool.inspect(b"fine")).detail == "fine"


async def test_a_decoder_that_waits_for_ever_is_ended(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    monkeypatch.setattr(decode_pool, "MOST_WALL_S", 1.0)
    pool = pool_of()
    found = await asyncio.wait_for(pool.inspect(b"wait"), 60)
    assert (found.reason, found.detail) == (DIED, "no answer within 1 s, 2 times")
    assert (await pool.inspect(b"fine")).detail == "fine"


async def test_memory_is_limited(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of(decode_memory_bytes=200_000_000)
    found = await pool.inspect(b"take 300000000")
    assert (found.reason, found.detail) == (DIED, "more than 200000000 bytes of memory")
    assert (await pool.inspect(b"take 100000000")).detail == "100000000"


async def test_a_real_decoder_that_wants_too_much_memory_says_so(pool_of):
    big = encoded(Image.new("RGB", (6000, 6000)), "PNG")
    found = await pool_of(decode_memory_bytes=100_000_000).inspect(big)
    assert (found.reason, found.detail) == (DIED, "more than 100000000 bytes of memory")


@pytest.mark.parametrize(
    ("format", "options"),
    [("JPEG", {"progressive": True}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("AVIF", {"speed": 10})],
    ids=["progressive JPEG", "WebP", "lossless WebP", "AVIF"],
)
async def test_a_decoder_that_lacks_memory_does_not_call_the_picture_damaged(pool_of, format, options):
    """All that these decoders say is that they failed."""
    if not features.check({"WEBP": "webp", "AVIF": "avif"}.get(format, "jpg")):
        pytest.skip(f"this Pillow writes no {format}")
    big = encoded(Image.new("RGB", (3000, 3000), "brown"), format, **options)
    found = await pool_of(decode_memory_bytes=20_000_000).inspect(big)
    assert (found.reason, found.detail) == (DIED, "more than 20000000 bytes of memory")
    assert isinstance(await pool_of().inspect(big), ImageFacts)
    spoilt = big[: len(big) // 2] + bytes(reversed(big[len(big) // 2 : -2])) + big[-2:]
    assert (await pool_of().inspect(spoilt)).reason in (RejectReason.CORRUPT, RejectReason.TRUNCATED)


async def test_a_decoder_that_babbles_is_replaced(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of()
    found = await asyncio.gather(*(pool.inspect(data) for data in (b"babble", b"fine")))
    assert [(result.reason is DIED, result.detail) for result in found][1] == (False, "fine")
    assert found[0].reason is DIED


async def test_who_goes_away_leaves_the_others_their_answers(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of()
    asked = [asyncio.create_task(pool.inspect(b"%d" % number)) for number in range(20)]
    await asyncio.sleep(0)
    for task in asked[::2]:
        task.cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [result.detail for result in found[1::2]] == [str(number) for number in range(1, 20, 2)]
    assert all(isinstance(result, asyncio.CancelledError) for result in found[::2])


async def test_large_and_small_pictures_all_get_their_own_answers(pool_of, monkeypatch):
    """Larger than the socket takes at once, and more than one process takes."""
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of(2)
    sizes = [3_000_000 if number % 7 == 0 else 1000 * number for number in range(40)]
    everything = [b"sum %d" % number + b"x" * size for number, size in enumerate(sizes)]
    found = await asyncio.gather(*(pool.inspect(data) for data in everything))
    assert [result.detail for result in found] == [f"{len(data)} {zlib.crc32(data)}" for data in everything]


async def test_decoders_that_do_not_start_are_an_error(pool_of, monkeypatch, capfd):
    monkeypatch.setattr(deadly_inspect, "__qualname__", "no_such_function")
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    with pytest.raises(BuildError, match="do not start"):
        await asyncio.wait_for(pool_of().inspect(b"x"), 60)
    assert "no_such_function" in capfd.readouterr().err


async def test_close_leaves_no_process_behind(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of(2)
    assert (await pool.inspect(b"fine")).detail == "fine"
    asked = [asyncio.create_task(pool.inspect(data)) for data in (b"wait", b"wait", b"wait")]
    await asyncio.sleep(0)
    started = psutil.Process().children()
    assert len(started) == 2
    pool.close()
    assert not any(process.is_running() for process in started)
    assert all(
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*asked, return_exceptions=True)
    )
    with pytest.raises(BuildError, match="stopped"):
        await pool.inspect(b"fine")


async def test_there_are_no_more_processes_than_work(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    pool = pool_of(4)
    for _ in range(5):
        await pool.inspect(b"fine")
    assert len(psutil.Process().children()) == 1


@pytest.mark.parametrize("result", [facts_of(photo(1)), Rejection(RejectReason.CORRUPT, "é \udc80\0")])
def test_answers_survive_the_way(result):
    assert unpacked(packed(facts_of(photo(1)))) == facts_of(photo(1))
    found = unpacked(packed(result))
    assert type(found) is type(result)
    if isinstance(result, Rejection):
        assert found.detail == "é \\udc80\0"


@pytest.mark.parametrize(
    "answer", [b"", b"X", b"F" + bytes(4000), b"R[1]", b'R["no such reason", ""]', b"F" + bytes(3072) + b"[1]"]
)
def test_an_answer_that_is_none_is_refused(answer):
    with pytest.raises(DataError, match="cannot be read"):
        unpacked(answer)


async def test_decoders_do_not_write_on_the_terminal(pool_of, capfd):
    """libtiff complains on stderr about every odd file."""
    data = bytearray(encoded(photo_image(1, 48, 40).convert("1"), "TIFF", compression="group4"))
    data[8:60] = random.Random(0).randbytes(52)
    look(bytes(data))
    assert "Fax4" in capfd.readouterr().err
    await pool_of(min_side_px=8).inspect(bytes(data))
    assert capfd.readouterr().err == ""


PARENT = """
import asyncio, sys, psutil
from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.decode_pool import DecodePool

async def main():
    pool = DecodePool(DownloadConfig(), 2)
    await asyncio.gather(*(pool.inspect(b"x") for _ in range(8)))
    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    sys.stdin.read()

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_no_decoder_outlives_a_killed_build(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, os.fspath(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert children
        parent.send_signal(signal.SIGKILL)
    _, left = psutil.wait_procs(children, timeout=20)
    for process in left:
        process.kill()
    assert left == []
