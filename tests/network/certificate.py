"""A server certificate that nobody trusts: signed by itself, valid until 2126."""

from __future__ import annotations

import ssl
from pathlib import Path

_PEM = """-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUco9ODAxU/xjIxP2Y2053vYCvg3QwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE5MDQ1MVoYDzIxMjYxMDI5
MTkwNDUxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARVOCMgBkADBX0TmBCxUBLv0dplXWosL5atPal9zxvMZ72UT3fisgwj
4tV9g+m2JMFK0sXqV+mKHevrB34rRAFAo1MwUTAdBgNVHQ4EFgQUNBcrNhLqwrQd
/io3+5pl2qyLRuMwHwYDVR0jBBgwFoAUNBcrNhLqwrQd/io3+5pl2qyLRuMwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEApNbxryXsuwcINZDH+NsK
gjEfLfKYZGJQo5f8M89eLJUCIQCO2DAYNyOfqiQHDYmhUhoaf+V2Bf3sUUjvAzHb
ubaKWA==
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDnyKChy1kkLZNBEW
beXjrcloUo1VhPiHlPwKUnwno7mhRANCAARVOCMgBkADBX0TmBCxUBLv0dplXWos
L5atPal9zxvMZ72UT3fisgwj4tV9g+m2JMFK0sXqV+mKHevrB34rRAFA
-----END PRIVATE KEY-----
"""


def untrusted(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS; `folder` takes the key."""
    path = folder / "server.pem"
    path.write_text(_PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
