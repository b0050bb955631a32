"""EDGE: engines' keys, from the environment or a file of `NAME=value` lines; never from the configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from imagenet_build.errors import ConfigError
from imagenet_build.network.messages import HttpRequest, Secret

HIDDEN = "***"


class Keys:
    """The keys at hand. Prints as nothing, so that no traceback or log can hold them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in values.items() if value}

    def __repr__(self) -> str:
        return "Keys(...)"

    def missing(self, names: Iterable[str]) -> list[str]:
        """Which of these are not at hand."""
        return [name for name in names if name not in self._values]

    def value(self, name: str) -> str:
        """A key. Raises ConfigError naming it if it is not at hand."""
        if name not in self._values:
            raise ConfigError(f"The key {name} is not set.", remedy=f"Set the environment variable {name}.")
        return self._values[name]

    def filled(self, request: HttpRequest) -> tuple[str, dict[str, str]]:
        """The URL to send and the headers, keys included. To be used for sending, and for nothing else."""
        params = {**request.params}
        headers = {**request.headers}
        for secret in request.secrets:
            self._fill(secret, params, headers)
        return HttpRequest(request.url, params).full_url(), headers

    def _fill(self, secret: Secret, params: dict[str, str | int], headers: dict[str, str]) -> None:
        if secret.place == "param":
            params[secret.name] = self.value(secret.env)
        else:
            headers[secret.name] = secret.prefix + self.value(secret.env)

    def scrubbed_bytes(self, body: bytes) -> bytes:
        """A body with every key in it made unreadable; the same bytes where there is none."""
        for value in sorted(self._values.values(), key=len, reverse=True):
            for spelling in (value, quote_plus(value), quote(value, safe="")):
                body = body.replace(spelling.encode(), HIDDEN.encode())
        return body

    def scrubbed(self, text: str) -> str:
        """A text with every key in it made unreadable: error messages may repeat what was sent."""
        for value in sorted(self._values.values(), key=len, reverse=True):
            for spelling in (value, quote_plus(value), quote(value, safe="")):
                text = text.replace(spelling, HIDDEN)
        return text


def keys_at_hand(names: Iterable[str], file: Path | None) -> Keys:
    """The wanted keys that are set: in the environment, else in the file.

    Args:
        names: environment variables that engines name (`EngineInfo.keys`).
        file: lines `NAME=value`; empty lines and lines beginning with `#` are passed over.
    Raises:
        ConfigError: the file cannot be read. Its lines are never repeated in a message.
    """
    found: dict[str, str] = {}
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"search.keys_file {file} cannot be read as text.") from None
        for line in lines:
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                found[name.strip()] = value.strip().strip("'\"")
    return Keys({name: os.environ.get(name) or found.get(name, "") for name in names})
