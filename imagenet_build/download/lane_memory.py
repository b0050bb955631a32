"""What host lanes remember across restarts, as JSON in the download queue."""

from __future__ import annotations

import json
from dataclasses import asdict

from imagenet_build.network.host_lanes import LaneState
from imagenet_build.storage.download_queue import DownloadQueue


class QueueLaneMemory:
    """The `LaneMemory` of a run."""

    def __init__(self, queue: DownloadQueue) -> None:
        self._queue = queue

    def lane_state(self, host: str) -> LaneState | None:
        """What was kept for a host; None: nothing, or nothing that this version understands."""
        text = self._queue.lane(host)
        if not text:
            return None
        try:
            return LaneState(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def keep_lane_state(self, host: str, state: LaneState) -> None:
        """Keep it."""
        self._queue.keep_lane(host, json.dumps(asdict(state)))
