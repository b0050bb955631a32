"""Everything that a run directory and the program show, and whether a secret is in it, in any spelling."""

from __future__ import annotations

import base64
import html
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from imagenet_build.storage.page_store import PageStore
from tests.mini_wordnet.make import build as build_mini_wordnet
from tests.program_here import run_here
from tests.world import run

KEYS = {
    "FLICKR_API_KEY": "flickr/NEVER+SHOWN=1&of 7",
    "EUROPEANA_API_KEY": "europeana/NEVER+SHOWN=2&of~7",
    "WEBIQ_API_KEY": "webiq/NEVER+SHOWN=3&of~7",
}


def lower_escapes(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text)


def spellings(key: str) -> set[bytes]:
    """A key as it may stand in a text: as it is, in URLs, in JSON, in base64 behind any other text."""
    plain = {key, quote(key), quote(key, safe=""), quote_plus(key), json.dumps(key)[1:-1], key.replace("/", "\\/")}
    plain |= {html.escape(key), json.dumps(key).replace("&", "\\u0026")[1:-1], quote(quote(key, safe=""))}
    plain |= {lower_escapes(text) for text in plain}
    found = {text.encode() for text in plain}
    for before in range(3):
        # whole groups of three bytes only: the ends depend on what stands beside the key
        held = key.encode()[-before % 3 :]
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(code(held[: len(held) // 3 * 3]))
    return found


def shown(run_directory: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that a run directory holds: the bytes of its files, and what is compressed in them."""
    for path in sorted(run_directory.rglob("*")):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".parquet":
            yield f"{path} (rows)", str(pq.read_table(path).to_pylist()).encode()
            yield f"{path} (metadata)", str(pq.read_schema(path).metadata).encode()
        if path.suffix == ".sqlite":
            yield from _rows_of(path)
        if path.parent.name == "search" and path.suffix == ".sqlite":
            yield from _pages_of(path)


def _rows_of(path: Path) -> Iterator[tuple[str, bytes]]:
    database = sqlite3.connect(path)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        yield f"{path} ({table})", str(database.execute(f"SELECT * FROM {table}").fetchall()).encode()
    database.close()


def _pages_of(path: Path) -> Iterator[tuple[str, bytes]]:
    database = sqlite3.connect(path)
    requests = [request for (request,) in database.execute("SELECT request FROM pages")]
    database.close()
    store = PageStore(path, read_only=True)
    for request in requests:
        page = store.page(request)
        assert page is not None
        yield f"{path} ({request})", request.encode() + page.body
    for wnid in store.wnids():
        for table in store.hits(wnid) or ():
            assert isinstance(table, pa.Table)
            yield f"{path} ({wnid})", str(table.to_pylist()).encode()
    store.close()


def assert_hidden(
    out: Path, *runs: subprocess.CompletedProcess[str], keys: Iterable[str] = tuple(KEYS.values())
) -> int:
    """No key in anything shown; gives the number of places looked at."""
    places = [*shown(out)]
    for number, done in enumerate(runs):
        places += [(f"stdout {number}", done.stdout.encode()), (f"stderr {number}", done.stderr.encode())]
    for key in keys:
        for spelling in spellings(key):
            for where, text in places:
                assert spelling not in text, f"{spelling!r} in {where}"
    return len(places)


def write_config(folder: Path, base_urls: Mapping[str, str], **search: Any) -> Path:
    build_mini_wordnet(folder / "mini")
    engines = [{"name": name, "base_url": url, "min_delay_s": 0} for name, url in base_urls.items()]
    data = {
        "taxonomy": {
            "wordnet_dir": "mini/wordnet",
            "omw_dir": "mini/omw",
            "any_version": True,
            "roots": ["canine.n.01", "violin.n.01"],
        },
        "search": {"engines": engines, "attempts": 1, "timeout_s": 5.0, **search},
        "network": {"allow_addresses": ["127.0.0.1"], "contact": "operator@example.org"},
        "download": {"enabled": False},
        "execution": {"workers": 1},
        "verify": {"method": "majority"},  # `plan` then knows the votes without simulating any
    }
    config = folder / "secrets.yaml"
    config.write_text(yaml.safe_dump(data))
    return config


def imagenet_build(*arguments: str, keys: Mapping[str, str] = KEYS) -> subprocess.CompletedProcess[str]:
    """The program as its users start it: whatever a process prints until its end is in what it gives."""
    return run([sys.executable, "-m", "imagenet_build", *arguments], env=dict(keys))


def imagenet_build_here(*arguments: str, keys: Mapping[str, str] = KEYS) -> subprocess.CompletedProcess[str]:
    """The same in this process, for one more case of a kind that a process of its own has shown."""
    return run_here(*arguments, env=keys)
