import asyncio
import socket
import threading

import pytest

from imagenet_build.errors import AddressRefused, HostUnknown, NoConnection
from imagenet_build.network import dns_cache
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.network.dns_cache import LOOKUPS_AT_ONCE, CachingResolver
from tests.network.raw_server import raw_server, saying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Names:
    """A name service under the test's control: answers in turn, the last for ever."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.released.set()
        self.is_full = threading.Event()

    def __call__(self, host: str, family: int) -> list[tuple[int, str]]:
        with self.lock:
            self.asked.append(host)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.at_once == LOOKUPS_AT_ONCE:
                self.is_full.set()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        assert self.released.wait(20)
        with self.lock:
            self.at_once -= 1
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in answer]


UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
FOR_NOW = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def resolver_of(names: Names, *allowed: str, timeout_s: float = 10.0) -> CachingResolver:
    return CachingResolver(AddressPolicy(allowed), timeout_s=timeout_s, look_up=names)


async def addresses(resolver: CachingResolver, host: str) -> list[str]:
    return [found["host"] for found in await resolver.resolve(host, 80, socket.AF_UNSPEC)]


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(dns_cache.time, "monotonic", lambda: now[0])
    return now


async def test_an_answer_is_kept_for_a_while(clock):
    names = Names(["8.8.8.8", "2620:0:861:ed1a::1"], ["8.8.4.4"])
    resolver = resolver_of(names)
    for _ in range(3):
        assert await addresses(resolver, "Example.org") == ["8.8.8.8", "2620:0:861:ed1a::1"]
    clock[0] += dns_cache.KEEP_S + 1
    assert await addresses(resolver, "example.org") == ["8.8.4.4"]
    assert names.asked == ["example.org"] * 2


@pytest.mark.parametrize(
    ("trouble", "error", "kept_s"),
    [
        (UNKNOWN, HostUnknown, dns_cache.KEEP_UNKNOWN_S),
        (FOR_NOW, NoConnection, dns_cache.KEEP_FAILED_S),
        (OSError("no network"), NoConnection, dns_cache.KEEP_FAILED_S),
    ],
)
async def test_a_failure_is_kept_for_a_shorter_while(clock, trouble, error, kept_s):
    names = Names(trouble, ["8.8.8.8"])
    resolver = resolver_of(names)
    for _ in range(3):
        with pytest.raises(error) as caught:
            await addresses(resolver, "example.org")
        assert type(caught.value) is error
        assert caught.value.source == "example.org"
    clock[0] += kept_s + 1
    assert await addresses(resolver, "example.org") == ["8.8.8.8"]
    assert len(names.asked) == 2


async def test_one_lookup_for_all_who_ask_for_a_name():
    names = Names(["8.8.8.8"])
    names.released.clear()
    resolver = resolver_of(names)
    asking = [asyncio.create_task(addresses(resolver, "example.org")) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()
    names.released.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [["8.8.8.8"]] * 49
    assert names.asked == ["example.org"]


async def test_lookups_under_way_are_limited():
    names = Names(["8.8.8.8"])
    names.released.clear()
    resolver = resolver_of(names)
    asking = [asyncio.create_task(addresses(resolver, f"host{n}.example")) for n in range(3 * LOOKUPS_AT_ONCE)]
    assert await asyncio.to_thread(names.is_full.wait, 20)
    names.released.set()
    await asyncio.gather(*asking)
    assert names.most_at_once == LOOKUPS_AT_ONCE
    assert len(names.asked) == 3 * LOOKUPS_AT_ONCE


async def test_a_silent_name_service_has_a_deadline():
    names = Names(["8.8.8.8"])
    names.released.clear()
    resolver = resolver_of(names, timeout_s=0.05)
    with pytest.raises(NoConnection, match="no answer about"):
        await addresses(resolver, "example.org")
    names.released.set()
    await asyncio.gather(*resolver._asking.values())
    assert await addresses(resolver, "example.org") == ["8.8.8.8"], "what came late is not lost"
    assert names.asked == ["example.org"]


async def test_memory_is_bounded_by_the_longest_unused_leaving(monkeypatch):
    monkeypatch.setattr(dns_cache, "MOST_NAMES", 2)
    names = Names(["8.8.8.8"])
    resolver = resolver_of(names)
    for host in ("a", "b", "a", "c", "a", "b"):
        await addresses(resolver, host)
    assert names.asked == ["a", "b", "c", "b"]


async def test_a_name_with_any_address_that_is_not_allowed_is_refused():
    with pytest.raises(AddressRefused) as caught:
        await addresses(resolver_of(Names(["8.8.8.8", "10.0.0.1"])), "example.org")
    assert caught.value.source == "example.org"
    assert await addresses(resolver_of(Names(["8.8.8.8", "10.0.0.1"]), "10.0.0.0/8"), "example.org")


async def test_the_system_knows_this_machine_by_all_its_names():
    strict = CachingResolver(AddressPolicy())
    for name in ("localhost", "2130706433", "127.1", "0x7f.1"):
        with pytest.raises(AddressRefused) as caught:
            await strict.resolve(name, 80)
        assert caught.value.source == name
    await strict.close()
    lenient = CachingResolver(AddressPolicy(("127.0.0.0/8", "::1")))
    assert set(await addresses(lenient, "localhost")) <= {"127.0.0.1", "::1"}
    await lenient.close()


# the connection


async def test_the_connection_goes_to_the_very_address_that_was_checked():
    """DNS rebinding: the second answer leads into the private network. Nobody asks a second time for one connection."""
    reached: list[str] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer.get_extra_info("sockname")[0])
        writer.write(OK)

    names = Names(["127.0.0.1"], ["127.0.0.2"])
    policy = AddressPolicy(("127.0.0.1",))
    async with raw_server(script) as base:
        port = int(base.rpartition(":")[2])
        private = await asyncio.start_server(script, "127.0.0.2", port)
        async with HttpClient(contact="", policy=policy, look_up=names) as client:
            url = f"http://rebinding.example:{port}/"
            assert (await client.get(url, timeout_s=5, max_bytes=10)).body == b"ok"
            assert names.asked == ["rebinding.example"]
            client._resolver._known.clear()  # its time is over
            with pytest.raises(AddressRefused):
                await client.get(url, timeout_s=5, max_bytes=10)
        private.close()
    assert reached == ["127.0.0.1"]
    assert names.asked == ["rebinding.example"] * 2


@pytest.mark.parametrize(("trouble", "error"), [(UNKNOWN, HostUnknown), (FOR_NOW, NoConnection)])
async def test_the_client_says_what_became_of_a_name(trouble, error):
    async with HttpClient(contact="", policy=AddressPolicy(), look_up=Names(trouble)) as client:
        with pytest.raises(error) as caught:
            await client.get("http://example.org/", timeout_s=5, max_bytes=10)
    assert type(caught.value) is error


async def test_redirects_are_resolved_and_checked_too():
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    there = b"HTTP/1.1 302 Found\r\nLocation: http://metadata.example/latest/\r\nContent-Length: 0\r\n\r\n"
    async with (
        raw_server(saying(there)) as base,
        HttpClient(contact="", policy=AddressPolicy(("127.0.0.1",)), look_up=names) as client,
    ):
        with pytest.raises(AddressRefused, match=r"metadata\.example is 169\.254\.169\.254"):
            await client.get(f"http://public.example:{base.rpartition(':')[2]}/", timeout_s=5, max_bytes=10)
