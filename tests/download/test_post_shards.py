"""Pictures stored by a process elsewhere."""

import asyncio
import errno

import pytest

from imagenet_build.download import post_shards, sync_clock
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.download.post_shards import PostShards
from imagenet_build.errors import ConfigError, DiskUnusable
from imagenet_build.records import ImageFacts
from imagenet_build.storage.shards import read_member
from tests.fakes.pictures import photo


def picture(seed: int) -> tuple[ImageFacts, bytes]:
    data = photo(seed, 96, 80)
    facts = inspect_bytes(data, formats=("JPEG",), min_side_px=1, max_pixels=10**8)
    assert isinstance(facts, ImageFacts)
    return facts, data


async def test_each_process_has_a_lane_of_its_own_from_its_first_picture_on(tmp_path):
    one, other = PostShards(tmp_path, 10**9), PostShards(tmp_path, 10**9)
    assert list(tmp_path.iterdir()) == []
    places = [shards.keep(*picture(seed)) for seed, shards in ((1, one), (2, other), (3, one))]
    assert [place.shard for place in places] == ["w1/00000.tar", "w2/00000.tar", "w1/00000.tar"]
    for seed, place in zip((1, 2, 3), places, strict=True):
        assert read_member(tmp_path, place) == picture(seed)[1]
    assert one.keep(*picture(1)) == places[0]
    await one.close()
    await other.close()


async def test_pictures_get_to_the_disk_in_time(tmp_path, monkeypatch):
    synced = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(sync_clock, "SYNC_S", 0.01)
    monkeypatch.setattr(post_shards.ShardWriter, "sync", lambda writer: loop.call_soon_threadsafe(synced.set))
    shards = PostShards(tmp_path, 10**9)
    for seed in (1, 2):
        shards.keep(*picture(seed))
        await asyncio.wait_for(synced.wait(), 5)
        synced.clear()
        await asyncio.sleep(0)
    await shards.close()


async def test_a_machine_that_does_not_see_the_run_says_so(tmp_path):
    with pytest.raises(ConfigError, match="does not see the run's folder"):
        PostShards(tmp_path / "elsewhere", 10**9).keep(*picture(1))


@pytest.mark.parametrize(("number", "remedy"), [(errno.ENOSPC, "Free some space"), (errno.EROFS, "Mend its perm")])
async def test_a_disk_that_refuses_is_said_in_words(tmp_path, monkeypatch, number, remedy):
    def refuse(*_: object) -> None:
        raise OSError(number, "the disk refuses")

    monkeypatch.setattr(post_shards.ShardWriter, "append", refuse)
    with pytest.raises(DiskUnusable, match="cannot write to") as raised:
        PostShards(tmp_path, 10**9).keep(*picture(1))
    assert raised.value.remedy.startswith(remedy)
