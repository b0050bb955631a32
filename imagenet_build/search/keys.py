"""EDGE: engines' keys, from the environment or a file of `NAME=value` lines; never from the configuration."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from imagenet_build.errors import ConfigError
from imagenet_build.network.messages import HttpRequest, Secret

HIDDEN = "***"
_LEAST_BASE64 = 8
"""Characters; fewer could stand anywhere by chance."""


class Keys:
    """The keys at hand. Prints as nothing, so that no traceback or log can hold them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in values.items() if value}
        longest_first = sorted(set(self._values.values()), key=len, reverse=True)
        pattern = "|".join(spelling for value in longest_first for spelling in _spellings(value))
        self._in_text = re.compile(pattern) if pattern else None
        self._in_bytes = re.compile(pattern.encode()) if pattern else None

    def __repr__(self) -> str:
        return "Keys(...)"

    def with_token(self, token: str) -> Keys:
        """These, and a token that was given for them: the same object where it is known already."""
        return self if token in self._values.values() else Keys({**self._values, f"token {len(self._values)}": token})

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
        if not request.secrets:
            return request.full_url(), {**request.headers}
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
        """A body with every key in it made unreadable, however it is spelled; the same bytes where there is none."""
        return self._in_bytes.sub(HIDDEN.encode(), body) if self._in_bytes else body

    def scrubbed(self, text: str) -> str:
        """A text with every key in it made unreadable: error messages may repeat what was sent."""
        return self._in_text.sub(HIDDEN, text) if self._in_text else text


def _spellings(value: str) -> list[str]:
    """Patterns of a key in any text: as it is, in URLs, in JSON, in HTML; and in base64, also behind other text."""
    found = ["".join(map(_spellings_of_one, value))]
    data = value.encode()
    for before in range(3):
        # Only whole groups of three bytes: what stands at the ends depends on the text around the key.
        held = data[-before % 3 :]
        held = held[: len(held) // 3 * 3]
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            text = code(held).decode()
            if len(text) >= _LEAST_BASE64:
                found.append(re.escape(text).replace("/", r"\\?/"))
    return list(dict.fromkeys(found))


def _spellings_of_one(character: str) -> str:
    """Letters and digits are never escaped, whatever a key goes through."""
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    spellings = [
        rf"\\?{re.escape(character)}",
        "(?i:" + "".join(f"%(?:25)*{byte:02x}" for byte in character.encode()) + ")",
        rf"(?i:\\u{code:04x})",
        rf"(?i:&#(?:0*{code}|x0*{code:x});)",
    ]
    named = html.escape(character)
    if named != character:
        spellings.append(re.escape(named))
    if character == " ":
        spellings.append(r"\+")
    return f"(?:{'|'.join(spellings)})"


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
