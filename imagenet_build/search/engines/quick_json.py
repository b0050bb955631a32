"""Pure: JSON of answers that come by the thousand."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import orjson


@lru_cache(maxsize=1)
def json_of(body: bytes) -> Any:
    """What `json.loads` gives, but sooner, and only once: an answer is looked at for failures before it is read.

    What comes back must not be changed. Whatever the quick parser refuses is left to the patient one, so that both take
    the same bodies: numbers such as NaN, half of a surrogate pair, another encoding than UTF-8. Whole numbers beyond 64
    bits come as floats.

    Raises:
        ValueError: no JSON.
        RecursionError: nested too deeply.

    >>> json_of(b'{"count": 1}'), json_of('{"title": "café"}'.encode("utf-16"))
    ({'count': 1}, {'title': 'café'})
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)
