import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.errors import AddressRefused, ConfigError
from imagenet_build.network.addresses import AddressPolicy

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.0.8",
    "192.0.0.192",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::127.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::1",
]
PUBLIC = [
    "8.8.8.8",
    "208.80.154.240",
    "2620:0:861:ed1a::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address):
    with pytest.raises(AddressRefused, match="not a public address") as caught:
        AddressPolicy().check("host.example", address)
    assert caught.value.source == "host.example"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address):
    AddressPolicy().check("host.example", address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "::1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0x7f000001", "[::ffff:10.0.0.1]"],
)
def test_literals_in_any_spelling_are_seen_before_connecting(host):
    with pytest.raises(AddressRefused):
        AddressPolicy().check_literal(host)


@pytest.mark.parametrize(
    "host", ["example.org", "8.8.8.8", "10.example.org", "a--b", "[2620:0:861:ed1a::1]", "1e100.net"]
)
def test_names_wait_for_the_resolver_and_public_literals_pass(host):
    AddressPolicy().check_literal(host)


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("10.1.2.3/8", "10.200.0.1"),
        ("::1", "::1"),
        ("fd00::/8", "fd12::1"),
    ],
)
def test_what_is_allowed_by_name_passes(allowed, address):
    AddressPolicy((allowed,)).check("host", address)


def test_an_allowed_network_opens_nothing_else():
    policy = AddressPolicy(("127.0.0.1", "::1"))
    for address in ("127.0.0.2", "10.0.0.1", "169.254.169.254", "fe80::1"):
        with pytest.raises(AddressRefused):
            policy.check("host", address)


@pytest.mark.parametrize("text", ["localhost", "127.0.0.0/33", "", "127.1"])
def test_a_wrong_network_is_a_configuration_error_with_a_remedy(text):
    with pytest.raises(ConfigError, match="allow_addresses") as caught:
        AddressPolicy((text,))
    assert caught.value.remedy


@given(st.ip_addresses(v=4))
def test_every_wrapping_of_an_ipv4_address_gets_the_verdict_of_the_address(ip):
    def refused(address: object) -> bool:
        try:
            AddressPolicy().check("host", str(address))
        except AddressRefused:
            return True
        return False

    number = int(ip)
    bare = refused(ip)
    assert refused(ipaddress.IPv6Address((0xFFFF << 32) | number)) == bare
    assert refused(ipaddress.IPv6Address((0x64FF9B << 96) | number)) == bare
    assert refused(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)) == bare
    assert refused(ipaddress.IPv6Address(number)) or number == 0
    assert bare or (ip.is_global and not ip.is_multicast)
