"""Previews first: pictures that are known by their look are not asked for, and nothing else is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from imagenet_build.contracts import UnitResult
from imagenet_build.download.previews import KNOWN_BITS
from imagenet_build.download.stage import DownloadStage
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.records import RejectReason
from imagenet_build.search.canonical_url import canonical_key
from imagenet_build.storage import tables
from imagenet_build.storage.queue_view import DONE, QueueView, key_digest
from imagenet_build.storage.schemas import HITS
from tests.download.staging import _TEXTS, Download
from tests.fakes.image_server import ImageServer, picture, redirect, refusal
from tests.fakes.pictures import encoded, photo_image
from tests.fakes.server import Reply

DOG, CAT = "n00000001", "n00000002"
HOSTS = ("127.0.0.1", "127.0.0.2")
"""Of the pictures, and of their previews."""


@dataclass
class Previewed(Download):
    """A run whose hits may have previews; with `previews_first` unless `config` says otherwise."""

    previews: dict[str, str] = field(default_factory=dict)
    """URL -> its preview's."""

    def run(self) -> list[UnitResult]:
        self.config = {"previews_first": True, **self.config}
        run = self.context
        rows = (
            {**_TEXTS, "wnid": wnid, "url": url, "url_key": canonical_key(url), "position": 0, "rank": rank}
            | {"width": None, "height": None, "preview_url": self.previews.get(url)}
            for rank, (wnid, url) in enumerate(self.hits)
        )
        tables.write_rows(run.layout.hits, HITS, rows)
        stage = DownloadStage()
        results: list[UnitResult] = []
        LocalExecutor(1).run(stage, list(stage.plan(run)), run, results.append, lambda items: None)
        stage.finish(run)
        return results

    def add(self, wnid: str, url: str, preview: str | None = None) -> None:
        self.hits = sorted([*self.hits, (wnid, url)])  # hits.parquet is in wnid order
        if preview is not None:
            self.previews[url] = preview


@pytest.fixture
def server():
    with ImageServer(HOSTS) as made:
        yield made


def serve(server: ImageServer, path: str, *replies: Reply | bytes) -> str:
    server.serve(path, *replies)
    return server.url(path, HOSTS[0])


def serve_preview(server: ImageServer, path: str, *replies: Reply | bytes) -> str:
    server.serve(path, *replies)
    return server.url(path, HOSTS[1])


def large(seed: int) -> bytes:
    return encoded(photo_image(seed, 480, 360))


def small(seed: int, width: int = 160, height: int = 120, format: str = "JPEG") -> bytes:
    return encoded(photo_image(seed, 480, 360).resize((width, height)), format)


@pytest.fixture
def begun(tmp_path: Path, server: ImageServer) -> Previewed:
    """DOG has two pictures, kept by an earlier session."""
    run = Previewed(tmp_path, [])
    for seed in (1, 2):
        run.add(DOG, serve(server, f"/kept{seed}.jpg", large(seed)))
    run.run()
    assert len(run.images()) == 2
    server.log.clear()
    return run


def pictures_asked_for(server: ImageServer) -> dict[str, int]:
    return {path: count for path, count in server.log.counts().items() if path != "/robots.txt"}


def test_a_picture_that_is_known_by_its_look_is_not_asked_for(begun, server):
    known = serve(server, "/again.jpg", large(1) + bytes(2000))
    preview = serve_preview(server, "/small1.jpg", small(1))
    begun.add(DOG, known, preview)
    begun.add(DOG, serve(server, "/new.jpg", large(3)), serve_preview(server, "/small3.jpg", small(3)))
    (result,) = begun.run()

    assert pictures_asked_for(server) == {"/small1.jpg": 1, "/small3.jpg": 1, "/new.jpg": 1}
    (row,) = begun.rejections()
    kept = server.url("/kept1.jpg", HOSTS[0])
    bits = int(row["detail"].partition(f"{preview} is ")[2].partition(" of 64 bits")[0])
    assert bits <= KNOWN_BITS
    assert row["detail"] == f"its preview {preview} is {bits} of 64 bits from {kept} in {DOG}"
    assert (row["url"], row["reason"], row["attempts"]) == (known, "known_preview", 0)
    assert begun.is_complete()
    mean = sum(image["size"] for image in begun.images()) / 3
    counts = dict(result.counts)
    assert abs(counts.pop("bytes_saved_by_estimate") / mean - 1) < 0.05
    assert counts == {
        "kept": 3,
        "refused": 1,
        "previews_fetched": 2,
        "previews_failed": 0,
        "bytes_of_previews": len(small(1)) + len(small(3)),
        "pictures_not_fetched": 1,
    }


def test_a_preview_is_fetched_as_politely_as_a_picture(begun, server):
    """With its own host's robots.txt, in its own host's lane."""
    begun.add(DOG, serve(server, "/again.jpg", large(1)), serve_preview(server, "/small1.jpg", small(1)))
    begun.run()
    asked = [(call.host.partition(":")[0], call.path) for call in server.log.calls]
    assert asked == [(HOSTS[1], "/robots.txt"), (HOSTS[1], "/small1.jpg")]


def test_a_synset_that_has_no_such_picture_gets_it(begun, server):
    begun.add(CAT, serve(server, "/cat.jpg", large(8)))
    both = serve(server, "/again.jpg", large(1) + bytes(2000))
    for wnid in (DOG, CAT):
        begun.add(wnid, both, serve_preview(server, "/small1.jpg", small(1)))
    begun.run()
    begun.run()
    assert {row["wnid"] for row in begun.images() if row["url"] == both} == {DOG, CAT}
    assert begun.rejections() == []


def test_a_refused_picture_waits_again_when_another_synset_wants_it(begun, server):
    known = serve(server, "/again.jpg", large(1) + bytes(2000))
    begun.add(DOG, known, serve_preview(server, "/small1.jpg", small(1)))
    begun.run()
    assert begun.reasons() == {known: "known_preview"}
    begun.add(CAT, known)
    (result,) = begun.run()
    assert {row["wnid"] for row in begun.images() if row["url"] == known} == {DOG, CAT}
    assert begun.rejections() == []
    assert (result.counts["kept"], result.counts["refused"], result.counts["pictures_not_fetched"]) == (3, 0, 0)


def test_a_picture_kept_for_one_synset_is_known_to_the_next_that_wants_it(begun, server):
    """Its URL is not fetched anew, and so its look must come from what was kept."""
    begun.add(CAT, server.url("/kept1.jpg", HOSTS[0]))
    known = serve(server, "/again.jpg", large(1) + bytes(2000))
    for wnid in (DOG, CAT):
        begun.add(wnid, known, serve_preview(server, "/small1.jpg", small(1)))
    begun.run()
    assert pictures_asked_for(server) == {"/small1.jpg": 1}
    assert [(row["wnid"], row["reason"]) for row in begun.rejections()] == [
        (DOG, "known_preview"),
        (CAT, "known_preview"),
    ]
    assert f"in {DOG}, " in begun.rejections()[0]["detail"]
    assert begun.rejections()[0]["detail"].endswith(f"in {CAT}")


def flat() -> bytes:
    return encoded(photo_image(1, 160, 120).point(lambda value: 200))


@pytest.mark.parametrize(
    ("replies", "failed"),
    [
        ([refusal(404)], 1),
        ([refusal(500)], 1),
        ([picture(small(1), headers={"X-Robots-Tag": "noai"})], 1),
        ([redirect("http://10.0.0.1/small.jpg")], 1),
        ([picture(b"<html>no preview</html>")], 0),
        ([picture(small(1)[:900])], 0),
        ([picture(flat())], 0),
        ([picture(small(5))], 0),
    ],
    ids=["gone", "trouble", "opted out", "private address", "web page", "cut", "flat", "other picture"],
)
def test_whatever_is_wrong_with_a_preview_the_picture_is_fetched(begun, server, replies, failed):
    begun.add(DOG, serve(server, "/again.jpg", large(1) + bytes(2000)), serve_preview(server, "/p.jpg", *replies))
    begun.config["attempts"] = 1
    (result,) = begun.run()
    assert pictures_asked_for(server) == {"/p.jpg": 1, "/again.jpg": 1}
    assert len(begun.images()) == 3
    assert begun.rejections() == []
    assert result.counts["previews_failed"] == failed
    assert result.counts["previews_fetched"] == 1 - failed
    assert result.counts["bytes_saved_by_estimate"] == 0


def test_a_flat_picture_is_not_known_by_a_flat_preview(begun, server):
    """Any two of one colour have the same hash."""
    begun.add(DOG, serve(server, "/grey.jpg", encoded(photo_image(1, 300, 200).point(lambda value: 90))))
    begun.run()
    begun.add(DOG, serve(server, "/white.jpg", large(7)), serve_preview(server, "/notice.jpg", flat()))
    begun.run()
    assert len(begun.images()) == 4


def test_a_preview_host_that_wants_peace_holds_nothing_up(begun, server):
    server.serve("/p.jpg", refusal(429, {"Retry-After": "5000"}), small(1))
    for number in range(3):
        url = serve(server, f"/again{number}.jpg", large(1) + bytes(2000 + number))
        begun.add(DOG, url, server.url(f"/p.jpg?{number}", HOSTS[1]))
    begun.config["default_host"] = {"min_delay_s": 0.0, "concurrency": 1}
    (result,) = begun.run()
    assert result.problem == ""
    assert server.log.count("/p.jpg") == 1
    assert len(begun.images()) == 5


def test_previews_may_be_smaller_than_pictures_and_of_other_formats(begun, server):
    begun.config |= {"min_side_px": 200, "formats": ["JPEG"]}
    preview = picture(small(1, 64, 48, "WEBP"), "image/webp")
    begun.add(DOG, serve(server, "/again.jpg", large(1)), serve_preview(server, "/small1.webp", preview))
    begun.run()
    assert set(begun.reasons().values()) == {"known_preview"}


def test_a_preview_that_is_the_picture_is_not_fetched_twice(begun, server):
    url = serve(server, "/new.jpg", large(3))
    begun.add(DOG, url, url)
    begun.run()
    assert pictures_asked_for(server) == {"/new.jpg": 1}


def test_a_synset_without_a_picture_asks_for_no_previews(tmp_path, server):
    run = Previewed(tmp_path, [], config={"default_host": {"min_delay_s": 0.0, "concurrency": 1}})
    run.add(DOG, serve(server, "/a.jpg", large(1)), serve_preview(server, "/small1.jpg", small(1)))
    run.run()
    assert pictures_asked_for(server) == {"/a.jpg": 1}


def test_without_the_switch_nothing_is_asked_and_nothing_noted(begun, server, tmp_path):
    run = Previewed(tmp_path / "off", begun.hits, {"previews_first": False}, previews=begun.previews)
    run.add(DOG, serve(server, "/again.jpg", large(1) + bytes(2000)), serve_preview(server, "/small1.jpg", small(1)))
    (result,) = run.run()
    assert "/small1.jpg" not in server.log.counts()
    assert result.counts == {"kept": 3, "refused": 0}
    queue = run.queue()
    assert not queue.previews.in_use
    assert queue.previews.looks(DOG) == []
    queue.close()


def test_retry_fetches_the_picture_itself(begun, server):
    """Looking at the same preview again would say the same: who asks for such URLs wants the pictures."""
    known = serve(server, "/again.jpg", large(1) + bytes(2000))
    begun.add(DOG, known, serve_preview(server, "/small1.jpg", small(1)))
    (result,) = begun.run()
    assert result.counts["pictures_not_fetched"] == 1
    queue = begun.queue()
    assert queue.retry([RejectReason.KNOWN_PREVIEW], 1) == (1, 0)
    queue.close()
    server.log.clear()
    begun.add(DOG, serve(server, "/new.jpg", large(4)))  # new hits must not bring the preview back
    (result,) = begun.run()
    assert pictures_asked_for(server) == {"/again.jpg": 1, "/new.jpg": 1}
    assert begun.rejections() == []
    assert len(begun.images()) == 4
    assert (result.counts["pictures_not_fetched"], result.counts["previews_fetched"]) == (0, 1)


def test_retry_of_other_reasons_leaves_previews_alone(begun, server):
    known = serve(server, "/again.jpg", large(1) + bytes(2000))
    begun.add(DOG, known, serve_preview(server, "/small1.jpg", small(1)))
    begun.add(DOG, serve(server, "/gone.jpg", refusal(404)))
    begun.run()
    queue = begun.queue()
    assert queue.retry([RejectReason.HTTP_ERROR], 99) == (1, 0)
    assert queue.previews.wanted(key_digest(canonical_key(known))) == [(DOG, begun.previews[known])]
    assert queue.host_counts(f"{HOSTS[0]}:{server.port}")["pictures_not_fetched"] == 1
    queue.close()


def test_a_picture_that_turned_out_a_placeholder_is_known_no_more(begun, server):
    notice = [serve(server, f"/gone{number}.jpg", large(6)) for number in range(10)]
    for url in notice:
        begun.add(DOG, url)
    begun.run()
    assert begun.reasons() == dict.fromkeys(notice, "placeholder")
    begun.add(DOG, server.url("/other/six.jpg", HOSTS[1]), serve_preview(server, "/small6.jpg", small(6)))
    server.serve("/other/six.jpg", large(6))
    begun.run()
    assert server.log.count("/other/six.jpg") == 1
    assert len(begun.images()) == 3


def _run(run: Previewed) -> None:
    run.run()


def test_a_killed_run_knows_what_it_had_kept(tmp_path, server):
    run = Previewed(tmp_path, [], config={"robots": False})
    run.add(DOG, serve(server, "/a.jpg", large(1)))
    run.add(DOG, serve(server, "/never.jpg", Reply(200, large(9), "image/jpeg", mode="hang"), large(9)))
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(run,))
    process.start()
    try:
        wait_for_a_row(run, process)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    server.log.clear()
    known = serve(server, "/again.jpg", large(1) + bytes(2000))
    run.add(DOG, known, serve_preview(server, "/small1.jpg", small(1)))
    run.run()
    assert pictures_asked_for(server) == {"/never.jpg": 1, "/small1.jpg": 1}
    assert run.reasons() == {known: "known_preview"}
    assert run.is_complete()


def wait_for_a_row(run: Previewed, process: Any) -> None:
    """Until the first picture is committed."""
    path = run.context.layout.download_queue
    until = time.monotonic() + 60
    while time.monotonic() < until and process.is_alive():
        if path.exists() and _kept(path):
            return
        time.sleep(0.01)
    raise AssertionError("no picture was kept")


def _kept(path: Path) -> int:
    try:
        view = QueueView(path)
    except Exception:  # noqa: BLE001 (the file is being made)
        return 0
    try:
        return view.counts().get(DONE, 0)
    except Exception:  # noqa: BLE001
        return 0
    finally:
        view.close()
