"""All commands, put together: the console script's entry point."""

from __future__ import annotations

from imagenet_build.cli.collection import collection
from imagenet_build.cli.concepts import concepts_command
from imagenet_build.cli.demo import demo_command
from imagenet_build.cli.duplicates import duplicates_command, fingerprint_command
from imagenet_build.cli.engines import engines_command, engines_register_command
from imagenet_build.cli.fetch import fetch_command
from imagenet_build.cli.main import main
from imagenet_build.cli.plan import plan_command
from imagenet_build.cli.report import report_command
from imagenet_build.cli.runs import build_command, check_command, retry_command, status_command
from imagenet_build.cli.serve import serve_command as explore_command
from imagenet_build.cli.stats import stats
from imagenet_build.cli.stats_precision import precision, sample
from imagenet_build.cli.taxonomy import data, queries, synsets
from imagenet_build.cli.verify import verify
from imagenet_build.cli.verify_exchange import export_command, import_command
from imagenet_build.cli.verify_run import run_command, serve_command, tasks_command, votes_command

data.add_command(concepts_command)
stats.add_command(sample)
stats.add_command(precision)
for _command in (tasks_command, serve_command, votes_command, run_command, export_command, import_command):
    verify.add_command(_command)
for _command in (
    demo_command,
    data,
    synsets,
    queries,
    engines_command,
    engines_register_command,
    plan_command,
    collection,
    build_command,
    fetch_command,
    status_command,
    retry_command,
    check_command,
    duplicates_command,
    fingerprint_command,
    verify,
    stats,
    report_command,
    explore_command,
):
    main.add_command(_command)

__all__ = ["main"]
