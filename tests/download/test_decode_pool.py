import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download import decode_pool
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.records import RejectReason
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


async def test_a_decoder_that_never_ends_is_ended(pool_of, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    monkeypatch.setattr(decode_pool, "MOST_CPU_S", 0.5)
    pool = pool_of()
    assert (await asyncio.wait_for(pool.inspect(b"spin"), 30)).reason is DIED
    assert (await pool.inspect(b"fine")).detail == "fine"


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
