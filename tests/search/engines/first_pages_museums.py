"""Where the recorded `first_page.json` of an engine is not the answer to its first request: the cursor it belongs to.

These engines find ids first, which gives no hits; recorded is the first page with hits.
"""

from __future__ import annotations

from imagenet_build.search.engine import Cursor

FIRST_PAGE_CURSORS: dict[str, Cursor] = {
    "met": {"objects": "45734,45735,45736", "rank": 0},
    "internetarchive": {"items": "example_beagles example_dogs", "page": 2, "rank": 0},
}
