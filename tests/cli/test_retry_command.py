"""`retry`: what comes back, what is dead, and what to do next."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli.app import main
from imagenet_build.config.models import BuildConfig
from imagenet_build.records import Rejection, RejectReason
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.queue_view import QueuedUrl, key_digest
from imagenet_build.storage.run_record import writing

REFUSED = {
    "a": (RejectReason.TIMEOUT, 3),
    "b": (RejectReason.TIMEOUT, 11),
    "c": (RejectReason.TIMEOUT, 12),
    "d": (RejectReason.SERVER_ERROR, 15),
    "e": (RejectReason.CUT_OFF, 1),
    "f": (RejectReason.HTTP_ERROR, 1),
    "g": (RejectReason.TOO_SMALL, 1),
}


def make_run(root: Path, **config: object) -> Path:
    with writing(root, BuildConfig.model_validate(config)) as layout:
        queue = DownloadQueue(layout.download_queue)
        queue.add((f"//h/{name}", f"https://h/{name}", "h") for name in REFUSED)
        for name, (reason, attempts) in REFUSED.items():
            queue.record_rejection(
                QueuedUrl(key_digest(f"//h/{name}"), f"https://h/{name}", "h"), attempts, Rejection(reason, "no")
            )
        queue.close()
    return root


def retry(root: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["retry", str(root), *more])


def waiting(root: Path) -> list[str]:
    queue = DownloadQueue(root / "download.sqlite")
    try:
        return sorted(queued.url[-1] for queued in queue.waiting("h", b"", 100))
    finally:
        queue.close()


def test_transient_refusals_come_back_but_for_the_dead(tmp_path):
    root = make_run(tmp_path / "run")
    done = retry(root, "--class", "transient")
    assert done.exit_code == 0
    said = "3 URLs are queued again; 2 were tried 12 times or more and stay as they are (download.dead_after)."
    assert said in done.output
    assert waiting(root) == ["a", "b", "e"]
    again = retry(root, "--class", "transient")
    assert again.output.startswith("0 URLs are queued again; 2 were tried 12 times")
    assert "Next" not in again.output


def test_a_reason_brings_back_its_own_only(tmp_path):
    root = make_run(tmp_path / "run")
    done = retry(root, "--reason", "timeout", "--reason", "too_small", "--json")
    assert json.loads(done.output) == {"queued": 3, "dead": 1}
    assert waiting(root) == ["a", "b", "g"]


def test_dead_after_is_the_runs_own(tmp_path):
    root = make_run(tmp_path / "run", download={"dead_after": 2})
    assert json.loads(retry(root, "--class", "transient", "--json").output) == {"queued": 1, "dead": 4}
    assert waiting(root) == ["e"]


def test_a_reason_beside_a_class(tmp_path):
    root = make_run(tmp_path / "run")
    assert json.loads(retry(root, "--class", "transient", "--reason", "http_error", "--json").output)["queued"] == 4
    assert waiting(root) == ["a", "b", "e", "f"]


@pytest.mark.parametrize(
    ("config", "command"),
    [
        ({}, "imagenet-build fetch LIST --out"),
        ({"taxonomy": {"roots": ["dog.n.01"]}}, "imagenet-build build --out"),
    ],
)
def test_it_says_what_to_do_next(tmp_path, config, command):
    root = make_run(tmp_path / "run", **config)
    assert f"Next: {command} {root}" in retry(root, "--class", "transient").output


def test_nothing_named_is_a_usage_error(tmp_path):
    root = make_run(tmp_path / "run")
    done = retry(root)
    assert done.exit_code == 2
    assert waiting(root) == []


def test_a_run_without_downloads(tmp_path):
    with writing(tmp_path / "run", BuildConfig()):
        pass
    assert json.loads(retry(tmp_path / "run", "--class", "transient", "--json").output) == {"queued": 0, "dead": 0}
