"""Fetching by members elsewhere: the same rows, and the manners of one process towards every host."""

import asyncio
import gc
import hashlib
import os
import random
import signal
import tarfile
import time
from collections import Counter, defaultdict

import pytest

from imagenet_build.download import crew as crew_module
from imagenet_build.download.crew_messages import Found, OpenHost
from imagenet_build.errors import BuildError, ConfigError, SourceError
from imagenet_build.network.away_lanes import WantTurn
from imagenet_build.network.host_lane import PATIENCE_S
from imagenet_build.records import RejectReason, ShardRef
from imagenet_build.storage.shards import read_member
from tests.download.crew_here import CrewHere
from tests.download.staging import Download, hits
from tests.fakes.image_server import ImageServer, redirect, refusal
from tests.fakes.pictures import photo
from tests.fakes.request_log import RequestLog
from tests.fakes.server import Reply
from tests.network.lanes import Memory, lanes_of

DOG, CAT = "n00000001", "n00000002"
WHEN = ("fetched_at", "refused_at", "shard", "offset")
HOSTS = tuple(f"127.0.0.{number}" for number in range(1, 7))


@pytest.fixture
def world():
    with ImageServer(HOSTS) as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_is_left_over(caplog):
    """No task that nobody waits for, no error that nobody has seen."""
    yield
    gc.collect()
    assert [record.getMessage() for record in caplog.get_records("call") if record.name == "asyncio"] == []


@pytest.fixture(autouse=True)
def short_grace(monkeypatch):
    monkeypatch.setattr(crew_module, "GRACE_S", 0.1)
    monkeypatch.setattr(crew_module, "HIRE_AGAIN_S", 0.05)


def gone(pause_s: float = 0.03) -> Reply:
    """An error that takes its time: no decoder is needed for it."""
    return Reply(404, b"error 404, late", "text/plain", mode="late", pause_s=pause_s)


def by_host(server: ImageServer) -> dict[str, RequestLog]:
    logs: dict[str, RequestLog] = defaultdict(RequestLog)
    for call in server.log.calls:
        logs[call.host.partition(":")[0]].calls.append(call)
    return logs


def without_when(rows):
    return [{name: value for name, value in row.items() if name not in WHEN} for row in rows]


def criss_cross(server: ImageServer, per_host: int, reply: Reply | None = None) -> list[str]:
    """URLs of all hosts; every other leads to a host of the next number, some over two hops."""
    urls = []
    for at, host in enumerate(HOSTS):
        for number in range(per_host):
            target = server.serve(f"/{at}/{number}", reply or gone())
            away = server.url(f"/{at}/{number}", HOSTS[(at + number) % len(HOSTS)])
            server.serve(f"/to/{at}/{number}", redirect(away))
            server.serve(f"/twice/{at}/{number}", redirect(server.url(f"/to/{at}/{number}", HOSTS[at - 1])))
            kind = ("", "/to", "/twice")[number % 3]
            urls.append(f"http://{host}:{server.port}{kind}/{at}/{number}")
            assert target
    return urls


def test_the_rows_are_those_of_one_process(tmp_path, world):
    for number in range(12):
        world.serve(f"/{number}.jpg", photo(number % 10, 96, 80))
    world.serve("/page.jpg", b"<html>gone</html>")
    world.serve("/to/3", redirect(world.url("/3.jpg", HOSTS[4])))
    disk = tmp_path / "local.jpg"
    disk.write_bytes(photo(77, 96, 80))
    paths = [*(f"/{number}.jpg" for number in range(12)), "/page.jpg", "/missing.jpg", "/to/3"]
    wanted = [world.url(path, HOSTS[at % len(HOSTS)]) for at, path in enumerate(paths)] + [disk.as_uri()]
    here = Download(tmp_path / "here", hits([DOG, CAT], wanted))
    here_results = here.run()
    asked = world.log.counts()
    world.log.clear()
    crew = CrewHere(3, slow_s=0.005)
    there = Download(tmp_path / "there", hits([DOG, CAT], wanted))
    results = there.run(crew)
    assert without_when(there.images()) == without_when(here.images())
    assert without_when(there.rejections()) == without_when(here.rejections())
    assert there.advanced == here.advanced
    assert {result.unit.key: result.counts for result in results} == {
        result.unit.key: result.counts for result in here_results
    }
    again = world.log.counts()
    del asked["/robots.txt"], again["/robots.txt"]  # whoever is led to a host reads its file
    assert again == asked
    assert len({message.host for message in crew.told if isinstance(message, OpenHost)}) == len(HOSTS)
    assert crew.is_over()


def test_members_store_pictures_themselves_and_leave_whole_shards(tmp_path, world):
    for number in range(40):
        world.serve(f"/{number}.jpg", photo(number % 30, 96, 80))
    urls = [world.url(f"/{number}.jpg", HOSTS[number % len(HOSTS)]) for number in range(40)]
    crew = CrewHere(3, lose_at=frozenset({25, 60}), rng=random.Random(3))
    download = Download(tmp_path, hits([DOG], urls), {"shard_bytes": 20_000})
    download.run(crew)
    images = download.images()
    assert len(images) == 40
    folder = download.context.layout.open_shards
    for row in images:
        data = read_member(folder, ShardRef(row["shard"], row["offset"], row["size"]))
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert len({row["sha256"] for row in images}) == 30
    assert len({row["shard"].partition("/")[0] for row in images}) >= 3
    assert not any(row["shard"].startswith("w0/") for row in images)
    assert len({row["shard"] for row in images}) > 4
    for shard in {row["shard"] for row in images}:
        with tarfile.open(folder / shard) as tar:
            assert all(tar.extractfile(member).read() for member in tar)
        assert (folder / shard).read_bytes().endswith(bytes(1024))
    assert not any(isinstance(message.result, bytes) for message in crew.said if isinstance(message, Found))


def test_hosts_are_shared_out_when_all_members_are_there(tmp_path, world):
    crew = CrewHere(3, late_s=0.3)
    download = Download(tmp_path, hits([DOG], [world.url("/0", host) for host in HOSTS]))
    download.run(crew)
    assert [len(member.opened) for member in crew.hired] == [2, 2, 2]


def test_a_member_that_does_not_come_is_not_waited_for_for_ever(tmp_path, world, monkeypatch):
    monkeypatch.setattr(crew_module, "TOGETHER_S", 0.2)
    crew = CrewHere(3, no_more_than=2)
    download = Download(tmp_path, hits([DOG], [world.url("/0", host) for host in HOSTS]))
    download.run(crew)
    assert download.is_complete()
    assert [len(member.opened) for member in crew.hired] == [3, 3]


def test_whoever_is_led_to_a_host_of_a_lost_member_waits(tmp_path, world, monkeypatch):
    monkeypatch.setattr(crew_module, "GRACE_S", PATIENCE_S + 0.5)
    crew = CrewHere(2, slow_s=0.01, lose_at=frozenset({12}))
    download = Download(tmp_path, hits([DOG], criss_cross(world, 6)))
    download.run(crew)
    assert len(crew.hired) == 3
    assert download.is_complete()
    assert set(download.reasons().values()) == {"http_error"}


def test_hosts_keep_their_limits_whoever_is_led_there(tmp_path, world):
    urls = criss_cross(world, 9, gone(0.15))  # longer than messages are gathered, so that limits are reached
    crew = CrewHere(3, slow_s=0.01)
    rule = {"min_delay_s": 0.0, "concurrency": 2}
    download = Download(tmp_path, hits([DOG], urls), {"default_host": rule})
    download.run(crew)
    assert download.is_complete()
    assert set(download.reasons().values()) == {"http_error"}
    assert {host: log.most_at_once() for host, log in by_host(world).items()} == dict.fromkeys(HOSTS, 2)
    assert any(isinstance(message, WantTurn) for message in crew.said)


def test_hosts_keep_their_pace_whoever_is_led_there(tmp_path, world):
    delay_s = 0.06
    urls = criss_cross(world, 6, refusal(404))
    crew = CrewHere(3, slow_s=0.05)
    rule = {"min_delay_s": delay_s, "concurrency": 4}
    download = Download(tmp_path, hits([DOG], urls), {"default_host": rule})
    download.run(crew)
    assert download.is_complete()
    for host, log in by_host(world).items():
        # single gaps jitter with the server's thread; their sum cannot shrink by more than one delay
        assert sum(log.gaps_s()) >= (log.count() - 2) * delay_s, host


def test_retry_after_that_is_met_on_the_way_parks_the_host_for_all(tmp_path, world):
    own = [world.serve(f"/own/{number}", refusal(404)) for number in range(8)]
    far = world.serve("/far", refusal(429, {"Retry-After": "1"}), refusal(404))
    assert own[0].startswith(f"http://{HOSTS[0]}")
    led = [f"http://{HOSTS[1]}:{world.port}/to"]
    world.serve("/to", redirect(far))
    rule = {"min_delay_s": 0.1, "concurrency": 1}
    download = Download(tmp_path, hits([DOG], [*own, *led]), {"default_host": rule, "robots": False})
    download.run(CrewHere(2))
    assert download.is_complete()
    log = by_host(world)[HOSTS[0]]
    throttled = next(call for call in log.calls if call.status == 429)
    assert throttled.end_s is not None
    later = [call.start_s for call in log.calls if call.start_s > throttled.start_s]
    assert later
    assert min(later) >= throttled.start_s + 0.95


def test_a_robots_file_that_lies_at_another_host(tmp_path, world):
    world.serve("/rules.txt", Reply.text("User-agent: *\nDisallow: /private/\n"))
    world.robots(redirect(world.url("/rules.txt", HOSTS[3])))
    paths = ["/a", "/private/b"]
    urls = [world.url(path, host) for host in HOSTS for path in paths]
    download = Download(tmp_path, hits([DOG], urls), {"default_host": {"min_delay_s": 0.0, "concurrency": 1}})
    download.run(CrewHere(3, slow_s=0.005))
    assert download.is_complete()
    expected = {url: "robots_refused" if "private" in url else "http_error" for url in urls}
    assert download.reasons() == expected
    assert {host: log.most_at_once() for host, log in by_host(world).items()} == dict.fromkeys(HOSTS, 1)


@pytest.mark.parametrize("seed", range(12))
def test_a_lost_member_costs_what_it_had_in_hand(tmp_path, world, seed):
    rng = random.Random(seed)
    urls = criss_cross(world, 6)
    lose_at = frozenset(rng.sample(range(1, 120), 1 + seed % 3))
    crew = CrewHere(2 + seed % 2, rng, slow_s=0.01, lose_at=lose_at, stays_s=0.15 * (seed % 2))
    rule = {"min_delay_s": 0.0, "concurrency": 2}
    download = Download(tmp_path, hits([DOG], urls), {"default_host": rule})
    download.run(crew)
    assert download.is_complete()
    assert set(download.reasons().values()) == {"http_error"}
    assert max(log.most_at_once() for log in by_host(world).values()) <= 2
    asked = Counter(call.path for call in world.log.calls if call.path.count("/") == 2)
    own = {url: asked[url.partition(f":{world.port}")[2]] for url in urls if "/to/" not in url and "/twice/" not in url}
    assert {url: times - 1 for url, times in own.items() if times > 1 + crew.in_hand[url]} == {}
    if crew.transports >= min(lose_at):
        assert any(member.is_lost for member in crew.hired)
        assert len(crew.hired) > crew.size
    assert crew.is_over()


class LosesTheHome(CrewHere):
    """The member that has a host is lost while another one, led there, is at a request."""

    async def hire(self, make):
        if not self.hired:
            self._ends.append(asyncio.create_task(self._watch()))
        return await super().hire(make)

    async def _watch(self):
        while not self.log.count("/slow"):  # noqa: ASYNC110 (the server lives in a thread of its own)
            await asyncio.sleep(0.005)
        self.lose(next(member for member in self.hired if any("/own/" in url for url in member.urls.values())))


def test_a_request_under_way_counts_though_the_home_of_its_lane_is_lost(tmp_path, world):
    world.serve("/slow", gone(0.8))
    world.serve("/to", redirect(world.url("/slow")))
    urls = [world.serve(f"/own/{number}", gone(0.02)) for number in range(30)]
    crew = LosesTheHome(2)
    crew.log = world.log
    rule = {"min_delay_s": 0.0, "concurrency": 1}
    wanted = [*urls, world.url("/to", HOSTS[1])]
    download = Download(tmp_path, hits([DOG], wanted), {"default_host": rule, "robots": False})
    download.run(crew)
    assert download.is_complete()
    assert [member.is_lost for member in crew.hired].count(True) == 1
    assert by_host(world)[HOSTS[0]].most_at_once() == 1


def test_pictures_of_lost_members_are_kept_once(tmp_path, world):
    for number in range(24):
        world.serve(f"/{number}.jpg", photo(number, 96, 80))
    urls = [world.url(f"/{number}.jpg", HOSTS[number % 4]) for number in range(24)]
    crew = CrewHere(2, slow_s=0.01, lose_at=frozenset({7, 9, 12}))
    download = Download(tmp_path / "lossy", hits([DOG], urls))
    download.run(crew)
    # how many messages go together, and so whether there is a twelfth call, depends on the machine's moment
    assert any(member.is_lost for member in crew.hired)
    whole = Download(tmp_path / "whole", hits([DOG], urls))
    whole.run()
    assert without_when(download.images()) == without_when(whole.images())
    assert len(download.images()) == 24


def test_nobody_left_is_an_error_and_the_run_goes_on_later(tmp_path, world, monkeypatch):
    monkeypatch.setattr(crew_module, "NO_MEMBER_S", 0.3)
    urls = criss_cross(world, 6)
    download = Download(tmp_path, hits([DOG], urls))
    crew = CrewHere(2, lose_at=frozenset(range(12, 20)), no_more_than=2)
    with pytest.raises(SourceError, match="No process of the cluster is left") as caught:
        download.run(crew)
    assert caught.value.exit_code == 3
    assert crew.is_over()
    download.run(CrewHere(2))
    assert download.is_complete()


def test_nobody_at_all(tmp_path, world, monkeypatch):
    monkeypatch.setattr(crew_module, "NO_MEMBER_S", 0.1)
    download = Download(tmp_path, hits([DOG], criss_cross(world, 1)))
    with pytest.raises(SourceError, match="No process of the cluster is left"):
        download.run(CrewHere(2, no_more_than=0))
    assert world.log.count() == 0


class Deaf(CrewHere):
    """Its processes cannot be started, and say why."""

    async def hire(self, make):
        raise ConfigError("The nodes cannot run this.", remedy="Install it.")


def test_members_that_cannot_work_are_an_error_at_once(tmp_path, world):
    download = Download(tmp_path, hits([DOG], criss_cross(world, 1)))
    with pytest.raises(ConfigError, match="cannot run this"):
        download.run(Deaf(2))


def test_a_member_that_cannot_go_on_is_an_error(tmp_path, world, monkeypatch):
    """Whatever it is: the session must not wait for it for ever."""

    async def broken(self, data):
        raise BuildError("No decoder can be started.", remedy="Free some memory.")

    monkeypatch.setattr("imagenet_build.download.decode_pool.DecodePool.inspect", broken)
    world.serve("/a.jpg", photo(1, 96, 80))
    download = Download(tmp_path, hits([DOG], [world.url("/a.jpg")]))
    with pytest.raises(BuildError, match=r"No decoder can be started. Free some memory."):
        download.run(CrewHere(2))

    async def defect(self, data):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("imagenet_build.download.decode_pool.DecodePool.inspect", defect)
    with pytest.raises(BuildError, match="a defect"):
        download.run(CrewHere(2))


def test_a_url_that_members_die_of_is_refused_and_can_be_retried(tmp_path, world):
    crew = CrewHere(1, slow_s=0.001)

    class Deadly(CrewHere):
        """Whoever is given the URL is lost."""

        async def hire(self, make):
            member = await super().hire(make)
            told = member.tell

            async def tell(messages):
                await told(messages)
                if any("deadly" in getattr(message, "url", "") for message in messages):
                    self.lose(member)

            member.tell = tell
            return member

    crew = Deadly(1)
    urls = [world.serve("/deadly", gone(0.2)), world.serve("/fine", refusal(404))]
    download = Download(tmp_path, hits([DOG], urls))
    download.run(crew)
    assert download.is_complete()
    assert download.reasons()[urls[0]] == "decoder_failed"
    assert RejectReason.DECODER_FAILED.transient
    assert len(crew.hired) == crew_module.MOST_LOSSES + 1


def test_a_host_at_rest_comes_back_and_its_lane_is_remembered(tmp_path, world):
    world.serve("/0", refusal(429, {"Retry-After": "6"}), refusal(404))  # longer than a lane's patience
    urls = [world.url("/0"), *(world.serve(f"/{number}", refusal(404)) for number in range(1, 4))]
    crew = CrewHere(2, slow_s=0.002)
    rule = {"min_delay_s": 0.0, "concurrency": 2}
    download = Download(tmp_path, hits([DOG], urls), {"default_host": rule, "robots": False})
    (result,) = download.run(crew)
    assert download.is_complete()
    assert result.problem == ""
    throttled = next(call for call in world.log.calls if call.status == 429)
    opened = [message for message in crew.told if isinstance(message, OpenHost)]
    assert len(opened) == 2
    assert opened[1].state.not_before > opened[0].pause_s
    assert (opened[1].state.places, opened[1].state.delay_s) != (0, 0.0)  # it was slowed down by the 429
    last = max(call.start_s for call in world.log.calls)
    assert last >= throttled.start_s + 5.9


def test_a_longer_rest_is_a_problem_of_the_host_for_a_later_run(tmp_path, world):
    urls = [world.serve("/0", refusal(429, {"Retry-After": "90"})), world.url("/0", HOSTS[1])]
    download = Download(tmp_path, hits([DOG], urls[:1]), {"robots": False, "longest_rest_s": 30.0})
    (result,) = download.run(CrewHere(2))
    assert "is left in peace until" in result.problem
    world.log.clear()
    (result,) = download.run(CrewHere(1))
    assert "is left in peace until" in result.problem
    assert world.log.count() == 0


def test_previews_first_is_refused(tmp_path, world):
    download = Download(tmp_path, hits([DOG], criss_cross(world, 1)), {"previews_first": True})
    with pytest.raises(ConfigError, match="one machine only"):
        download.run(CrewHere(1))


def test_ctrl_c_leaves_nothing_running_and_nothing_half_done(tmp_path, world):
    urls = criss_cross(world, 9, gone(0.05))
    download = Download(tmp_path, hits([DOG], urls))
    crew = CrewHere(2)
    heard = crew.said

    class Interrupting(list):
        def __iadd__(self, more):
            if len(self) < 12 <= len(self) + len(more):
                os.kill(os.getpid(), signal.SIGINT)
            return super().__iadd__(more)

    crew.said = Interrupting(heard)
    with pytest.raises(KeyboardInterrupt):
        download.run(crew)
    assert crew.is_over()
    done = world.log.count()
    time.sleep(0.3)  # whoever still fetched would do it now
    assert world.log.count() == done
    download.run(CrewHere(2))
    assert download.is_complete()


async def test_a_cancellation_that_gets_lost_does_not_keep_the_session(tmp_path, world):
    """As `asyncio.wait_for` loses one, before Python 3.12, when what it waits for comes at the same moment."""
    lost = []

    class Member:
        name = "deaf"

        async def tell(self, messages):
            await asyncio.Event().wait()

        async def hear(self):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append("one")
            return []

        async def dismiss(self):
            lost.append("dismissed")

    class Crew:
        size = 1

        async def hire(self, make):
            return Member()

    memory = Memory()
    async with crew_module.CrewFetcher(Crew(), lambda name: None, lanes_of(memory), memory):
        await asyncio.sleep(0.01)
    assert lost == ["one", "dismissed"]
