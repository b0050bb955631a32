"""An answer's headers as text that can be stored, under lower-case names, made only when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from multidict import CIMultiDictProxy


class AnswerHeaders(Mapping[str, str]):
    """Repeated headers are joined with newlines; bytes that are no UTF-8 become replacement characters.

    >>> from multidict import CIMultiDict
    >>> received = CIMultiDict([("X-Robots-Tag", "noai"), ("x-robots-tag", "all")])
    >>> AnswerHeaders(CIMultiDictProxy(received))["x-robots-tag"]
    'noai\\nall'
    """

    __slots__ = ("_received",)

    def __init__(self, received: CIMultiDictProxy[str]) -> None:
        self._received = received

    def __getitem__(self, name: str) -> str:
        text = "\n".join(self._received.getall(name))
        # aiohttp gives half surrogates for bytes that are no UTF-8; such text could not be stored anywhere
        return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def __contains__(self, name: object) -> bool:
        return name in self._received

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name in self._received))

    def __len__(self) -> int:
        return len(set(iter(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"
