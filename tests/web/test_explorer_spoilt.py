"""The explorer on runs with damaged, missing and hostile parts: it tells them, and shows the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.web.explorer.app import explore
from tests.web.guest import Guest, all_read, fullest, jar


@pytest.fixture
def copied(large: RunLayout, tmp_path: Path) -> RunLayout:
    """A run that a test may spoil."""
    shutil.copytree(large.root, tmp_path / "run")
    return RunLayout(tmp_path / "run")


async def test_a_damaged_manifest_is_told_and_the_rest_goes_on(copied: RunLayout) -> None:
    wnids = sorted(path.stem for path in copied.manifests.iterdir())
    copied.manifest(wnids[0]).write_bytes(b"PAR1 nothing of use PAR1")
    whole = copied.manifest(wnids[1]).read_bytes()
    copied.manifest(wnids[1]).write_bytes(whole[: len(whole) // 2])
    async with explore(copied, port=0) as serving, jar() as session:
        guest = Guest(serving, session)
        run = await all_read(guest)
        assert run["totals"]["damaged"] == wnids[:2]
        assert run["totals"]["non_empty"] == 58
        for wnid in wnids[:2]:
            said = await guest.said(f"/api/synset/{wnid}")
            assert f"{wnid}.parquet cannot be read" in said["problem"]
            status, error, _ = await guest.get(f"/api/synset/{wnid}/pictures")
            assert (status, "cannot be read" in error["error"]) == (409, True)
        assert (await guest.said(f"/api/synset/{wnids[2]}"))["problem"] == ""


async def test_a_missing_shard_is_told_and_the_tiny_pictures_are_there(copied: RunLayout) -> None:
    shutil.rmtree(copied.shards)
    async with explore(copied, port=0) as serving, jar() as session:
        guest = Guest(serving, session)
        wnid = await fullest(guest)
        tile = (await guest.said(f"/api/synset/{wnid}/pictures"))["tiles"][0]
        for path in (
            f"/pictures/{wnid}/{tile['id']}",
            f"/pictures/{wnid}/{tile['id']}/whole",
            f"/pictures/{wnid}/cover",
        ):
            status, error, _ = await guest.get(path)
            assert (status, "cannot be read: No such file" in error["error"]) == (409, True)
        assert (await guest.get(f"/sheets/{wnid}?rows={tile['row']}"))[0] == 200


async def test_addresses_that_are_none_of_the_web_are_no_links(copied: RunLayout) -> None:
    path = sorted(copied.manifests.iterdir())[0]
    table = pq.read_table(path)
    hostile = ["javascript:alert(1)"] * table.num_rows
    for name in ("url", "page_url", "creator_url", "license_url"):
        table = table.set_column(table.schema.names.index(name), table.schema.field(name), pa.array(hostile))
    tables.write_table(path, table)
    async with explore(copied, port=0) as serving, jar() as session:
        guest = Guest(serving, session)
        tile = (await guest.said(f"/api/synset/{path.stem}/pictures"))["tiles"][0]
        said = await guest.said(f"/api/synset/{path.stem}/pictures/{tile['id']}")
    assert (said["url"], said["page_url"], said["creator_url"]) == ("", "", "")
    assert said["page_url_text"] == "javascript:alert(1)"
    assert not said["license_link"].startswith("javascript:")
