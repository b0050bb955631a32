"""Pure: which addresses may be connected to: never the operator's own network, unless the configuration says so."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from imagenet_build.errors import AddressRefused, ConfigError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED_V6 = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last 32 bits are an IPv4 address."""
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out for the public network; outside lie deprecated and local forms that may wrap IPv4."""

_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments (RFC 6890); a metadata service too; early versions of Python miss it
        "168.63.129.16/32",  # Azure's wire server: public by its number, reached from inside only
    )
)


class AddressPolicy:
    """Public addresses, and the networks that were allowed by name."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        """Raises ConfigError for a text that is no address or network (`127.0.0.0/8`)."""
        try:
            self._allowed = tuple(ipaddress.ip_network(text, strict=False) for text in allowed)
        except ValueError as error:
            raise ConfigError(
                f"network.allow_addresses: {error}.", remedy="Write addresses or networks, such as 127.0.0.0/8."
            ) from None

    def check(self, host: str, address: str) -> None:
        """Raise AddressRefused unless `address` (of `host`) is public (RFC 6890) or allowed."""
        ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        if any(ip.version == network.version and ip in network for network in self._allowed):
            return
        is_known = any(ip.version == network.version and ip in network for network in _NOT_PUBLIC)
        if is_known or not ip.is_global or ip.is_multicast or (ip.version == 6 and ip not in _UNICAST_V6):
            raise AddressRefused(f"{host} is {ip}, which is not a public address", source=host)

    def check_literal(self, host: str) -> None:
        """The same for a host that is written as an address; names are checked when they are resolved."""
        text = host.strip("[]")
        try:
            ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            try:
                text = socket.inet_ntoa(socket.inet_aton(text))  # 2130706433, 0x7f.1, 127.1: what connect() takes
            except (OSError, ValueError):
                return
        self.check(host, text)


def _unwrapped(ip: IpAddress) -> IpAddress:
    """The IPv4 address inside an IPv6 one, where a router would unwrap it."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip.sixtofour:
            return ip.sixtofour
        if ip in _TRANSLATED_V6:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
