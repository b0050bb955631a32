"""Before a picture is fetched: does its preview look like a picture that is kept already?

With `download.previews_first` an engine's preview (`Hit.preview_url`) is fetched first, as any picture is: in the lane
of its host, with that host's robots.txt and opt-outs. If every synset that wants the URL has a kept picture with that
look, the URL is refused (KNOWN_PREVIEW) and the picture itself never asked for. Whatever goes wrong with a preview just
means that the picture is fetched: a preview saves bytes, it never costs a picture that could have been had without.

The price is that the outcome depends on the order of arrival: of two equal pictures the one that comes first is kept,
whichever of them is larger or has the better licence; and two that come at the same time are both kept, and left to the
stage dedup. So two runs, or a run and its resumed copy, may keep different pictures of equal looks.
"""

from __future__ import annotations

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.download.fetch import Fetcher
from imagenet_build.errors import HostResting
from imagenet_build.records import Rejection, RejectReason
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.queue_view import QueuedUrl

KNOWN_BITS = 4
"""Bits of 64 in which the DCT hashes of a preview and of its picture may differ.

`scripts/bench/preview_bits.py`: 99.9 % of the previews are as near to their own picture, no other picture is nearer
than 16 bits. Previews that were cut to another shape look like nothing, and only cost their bytes.
"""
HALF = 32
"""Bits that are set in the hash of any photograph, since it compares with a median. Fewer are set where numbers are
equal: in what has one colour or is strictly symmetric (a notice, an icon), and many things look like that."""


def preview_decoders(config: DownloadConfig) -> DecodePool:
    """One process that decodes previews: smaller than pictures must be, and of any format that can be read."""
    formats = DownloadConfig.model_fields["formats"].default
    return DecodePool(config.model_copy(update={"min_side_px": 1, "formats": formats}), 1)


class Previews:
    """Looks at previews; holds what all hosts of a session share."""

    def __init__(self, queue: DownloadQueue, decoders: DecodePool, fetcher: Fetcher) -> None:
        self._queue = queue
        self._decoders = decoders
        self._fetcher = fetcher

    async def refusal(self, queued: QueuedUrl) -> Rejection | None:
        """KNOWN_PREVIEW with the pictures that look like it; None: fetch the picture.

        Raises:
            BuildError: the decoders cannot be started.
        """
        wanted = self._queue.previews.wanted(queued.key)
        url = next((url for _, url in wanted if _is_smaller(url, queued.url)), None)
        # where a synset has no picture yet, the preview can say nothing
        if url is None or not all(self._queue.previews.has_looks(wnid) for wnid, _ in wanted):
            return None
        dct_hash = await self._look(queued, url)
        if dct_hash is None:
            return None
        found = []
        for wnid, _ in wanted:
            alike = self._alike(wnid, dct_hash)
            if alike is None:
                return None
            found.append(f"{alike[0]} of 64 bits from {alike[1]} in {wnid}")
        return Rejection(RejectReason.KNOWN_PREVIEW, f"its preview {url} is {', '.join(found)}")

    async def _look(self, queued: QueuedUrl, url: str) -> int | None:
        """The preview's DCT hash, if it has one that says anything."""
        try:
            fetched = await self._fetcher.fetch(url)
        except HostResting:
            return None
        if isinstance(fetched.result, Rejection):
            self._queue.record_preview(queued, None)
            return None
        self._queue.record_preview(queued, len(fetched.result))
        facts = await self._decoders.inspect(fetched.result)
        if isinstance(facts, Rejection) or facts.dct_hash.bit_count() != HALF:
            return None
        return facts.dct_hash

    def _alike(self, wnid: str, dct_hash: int) -> tuple[int, str] | None:
        """(bits, URL) of the nearest kept picture of a synset, if it is near enough."""
        looks = ((bits_between(look, dct_hash), key) for key, look in self._queue.previews.looks(wnid))
        for bits, key in sorted(pair for pair in looks if pair[0] <= KNOWN_BITS):
            url = self._queue.previews.kept_url(key)
            if url is not None:
                return bits, url
        return None


def bits_between(one: int, other: int) -> int:
    """Bits in which two hashes differ.

    >>> bits_between(0b1010, 0b0011)
    2
    """
    return (one ^ other).bit_count()


def _is_smaller(preview: str, url: str) -> bool:
    """Whether it can be another file than the picture: a preview that is the picture saves nothing."""
    return preview.startswith(("http://", "https://")) and preview != url
