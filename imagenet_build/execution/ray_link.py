"""The connection to a Ray cluster, and what goes wrong with it, in words. Ray is imported only when it is asked for."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

from imagenet_build.errors import ConfigError, SourceError

NAMESPACE = "imagenet_build"
CONNECT_S = 10.0
LOOK_S = 5.0
"""While nothing comes from the cluster it is looked so often whether it is there."""
HEAD_GONE_S = 30.0
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_NUM_REDIS_GET_RETRIES": "1",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "86400",
}
"""What is set before Ray is imported, unless the user has set it: the terminal is for what the user should know."""


def import_ray() -> Any:
    """The package. Raises ConfigError if it is not installed."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if _has_token():  # Ray itself looks for it only where the address is `auto`; a cluster without tokens does not mind
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError:
        raise ConfigError("The ray executor needs Ray.", remedy="pip install 'imagenet-build[ray]'") from None
    return ray


def _has_token() -> bool:
    """Whether there is a token for a cluster, where Ray looks for one.

    Source: https://docs.ray.io/en/latest/ray-security/token-auth.html
    """
    if os.environ.get("RAY_AUTH_TOKEN"):
        return True
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    return Path(path).is_file() if path else (Path.home() / ".ray" / "auth_token").is_file()


def connect(ray: Any, address: str) -> bool:
    """Join a cluster, unless this process has joined one. Returns whether it has joined now.

    Raises:
        SourceError: there is no such cluster.
    """
    if ray.is_initialized():
        return False
    try:
        check_there(address)
    except (ValueError, OSError) as error:
        raise SourceError(
            f"No Ray cluster answers at {address}: {first_line(error).rstrip('.')}.",
            source=address,
            remedy="Start one with `ray start --head` on this machine, or join one with"
            " `ray start --address HOST:PORT`, and name its address.",
        ) from None
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise SourceError(
            f"The Ray cluster at {address} cannot be joined: {first_line(error).rstrip('.')}.",
            source=address,
            remedy="It must run the same versions of Python and Ray. If it asks for a token, set RAY_AUTH_TOKEN.",
        ) from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_sigterm)  # Ray takes it, and would end the process in its own way
    return True


def check_there(address: str) -> None:
    """Raises OSError if nobody listens there: Ray itself would try for a quarter of an hour."""
    if address == "auto":
        from ray._private import services  # the one function that knows where `ray start` leaves the address

        address = services.canonicalize_bootstrap_address(address) or ""
    host, _, port = address.rpartition(":")
    if "://" in address or not port.isdigit():
        raise ValueError(f"{address!r} is no HOST:PORT") if address else ConnectionError("none was started here")
    socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()


class Watch:
    """Sees that the cluster is gone for good: Ray would wait for it for ever."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._seen_at = self._looked_at = time.monotonic()

    def look(self) -> None:
        """Raises SourceError when nobody has listened at the address for long."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        try:
            check_there(self._address)
            self._seen_at = time.monotonic()
        except OSError as error:
            if now - self._seen_at > HEAD_GONE_S:
                raise SourceError(
                    f"The Ray cluster at {self._address} is gone: {first_line(error)}.",
                    source=self._address,
                    remedy="Start it again; the same command goes on where this one stopped.",
                ) from None


def cause_of(error: Any) -> Exception:
    """What was raised in the process that failed."""
    cause: object = error.cause
    if isinstance(cause, ImportError):
        return unusable(cause)
    return cause if isinstance(cause, Exception) else SourceError(f"A task failed on the cluster: {last_line(error)}")


def unusable(error: object) -> ConfigError:
    """A node cannot even begin."""
    return ConfigError(
        f"The nodes of the cluster cannot run imagenet_build: {last_line(error)}",
        remedy="Install the same versions of Python, Ray and imagenet-build on all of them.",
    )


def first_line(error: object) -> str:
    """Of what Ray says in paragraphs."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


def last_line(error: object) -> str:
    """Of a traceback: the error."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), repr(error))
