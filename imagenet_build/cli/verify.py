"""The commands `verify decide`, `verify replay` and `verify simulate`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from click.core import ParameterSource

from imagenet_build.cli.run_place import EXISTING_RUN, work_option
from imagenet_build.cli.taxonomy_views import print_table
from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from imagenet_build.verify.goal import run_goal
from imagenet_build.verify.judges import METHODS
from imagenet_build.verify.run_questions import run_questions
from imagenet_build.verify.runs import Outcome, VoteFiles, crowd_like, decide_files, replay_files
from imagenet_build.verify.simulate import PRICE_PER_VOTE, SECONDS_PER_VOTE, asked_votes, simulate
from imagenet_build.verify.simulated_workers import Batch, Crowd, made_questions
from imagenet_build.verify.verdicts import check_suffix, write_verdicts

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
DEFAULTS = VerifyConfig()


@click.group("verify")
def verify() -> None:
    """Votes to verdicts: what shows the synset, with as few votes as the wanted precision allows.

    \b
    Examples:
      imagenet-build verify decide --votes votes.csv --gold gold.csv --target-precision 0.97 --out verdicts.csv
      imagenet-build verify replay --votes votes.parquet --mean-votes 3
      imagenet-build verify simulate --sensitivity 0.6 --false-yes 0.05
    """


def _options(command: F) -> F:
    """The options that `decide` and `replay` share."""
    for option in reversed(
        (
            click.option("--votes", type=FILE, required=True, help="CSV or Parquet: image, wnid, worker, answer."),
            click.option("--gold", type=FILE, help="Known answers to learn from: image, wnid, truth."),
            click.option("--truth", type=FILE, help="Known answers to score by, which nothing learns from."),
            click.option("--one-of-many", is_flag=True, help="Answers name a class; each class is a question."),
            click.option("--synsets", type=FILE, help="Parents: synsets.parquet of a run, or CSV wnid, parent."),
            click.option("--method", type=click.Choice(METHODS), default=DEFAULTS.method, show_default=True),
            click.option("--objective", type=click.Choice(["balanced", "precision"]), help="What verdicts should be."),
            click.option("--target-precision", type=SHARE, help="Least share of true pictures among the accepted."),
            click.option("--out", type=FILE, help="Where the verdicts go: .csv, .parquet or .json. [default: stdout]"),
            click.option("--workers-out", type=FILE, help="Each worker's rates and flag, in the same formats."),
            click.option("--table-out", type=FILE, help="The confidence tables, .csv or .svg (method table)."),
            click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
            click.option("--json", "as_json", is_flag=True, help="Print one object: the report and the verdicts."),
        )
    ):
        command = option(command)
    return command


@verify.command("decide")
@_options
def decide_command(**given: Any) -> None:
    """Verdicts from a table of votes.

    Without a target precision, a picture is accepted if it is likelier than the average question: best for balanced
    accuracy (where workers choose one of many, the likeliest is accepted). With one, the largest set is accepted that
    is expected to hold that share of true pictures. Probabilities are calibrated on gold if there is any. The verdict
    on a gold picture never uses its own truth.

    Columns: image (or question), worker, answer; wnid if there are several synsets; time, if rows do not stand in the
    order of voting. Answers: yes, no, unsure, maybe, true, false, 1, 0. If a worker answers twice, the last counts.

    \b
    Examples:
      imagenet-build verify decide --votes votes.csv --out verdicts.csv
      imagenet-build verify decide --votes dogs.csv --one-of-many --method majority --json
    """
    config = _config(given)
    outcome = decide_files(_files(given), config)
    _show(outcome, given)


@verify.command("replay")
@_options
@click.option(
    "--max-votes", type=click.IntRange(1), default=DEFAULTS.max_votes, show_default=True, help="Per question."
)
@click.option(
    "--least-gain", type=click.FloatRange(0, 1), default=DEFAULTS.least_gain, show_default=True,
    help="Stop when a vote is expected to improve the verdict by less; 1 is a true picture found.",
)  # fmt: skip
@click.option(
    "--mean-votes", type=click.FloatRange(0, min_open=True), help="Spend this many votes per question in all."
)
@click.option("--majority-votes", type=click.IntRange(1), default=DEFAULTS.majority_votes, show_default=True)
@click.option("--shuffle", is_flag=True, help="Take each question's votes in random order (see --seed).")
def replay_command(**given: Any) -> None:
    """Feed recorded votes one by one to the stopping rule, and say how many it used.

    A question is asked until another vote is not worth it, or its votes run out. Workers' rates are learnt only from
    votes already asked for, and from gold.

    \b
    Examples:
      imagenet-build verify replay --votes votes.parquet --truth truth.csv --mean-votes 3
      imagenet-build verify replay --votes votes.csv --method majority --majority-votes 5 --json
    """
    config = _config(given)
    shuffle = given["seed"] if given["shuffle"] else None
    _show(replay_files(_files(given), config, mean_votes=given["mean_votes"], shuffle=shuffle), given)


@verify.command("simulate")
@click.option("--from-votes", type=FILE, help="Workers and pictures like those of this vote table.")
@click.option("--run", type=EXISTING_RUN, help="The kept pictures of this run.")
@work_option
@click.option("--votes-out", type=FILE, help="The simulated votes (.csv, .parquet), as `verify import` reads them.")
@click.option("--pictures", type=click.IntRange(10), default=Batch.pictures, show_default=True)
@click.option("--synsets", type=click.IntRange(1), default=Batch.synsets, show_default=True)
@click.option("--prevalence", type=SHARE, default=Batch.prevalence, show_default=True, help="Share of true pictures.")
@click.option("--workers", type=click.IntRange(2), default=Crowd.workers, show_default=True)
@click.option("--sensitivity", type=SHARE, default=Crowd.sensitivity, show_default=True, help="Yes to true pictures.")
@click.option("--false-yes", type=SHARE, default=Crowd.false_yes, show_default=True, help="Yes to other pictures.")
@click.option("--method", type=click.Choice(METHODS), default=DEFAULTS.method, show_default=True)
@click.option("--target-precision", type=SHARE)
@click.option("--max-votes", type=click.IntRange(1), default=DEFAULTS.max_votes, show_default=True)
@click.option("--least-gain", type=click.FloatRange(0, 1), default=DEFAULTS.least_gain, show_default=True)
@click.option(
    "--mean-votes", type=click.FloatRange(0, min_open=True), help="Spend this many votes per question in all."
)
@click.option("--seconds-per-vote", type=click.FloatRange(0), default=SECONDS_PER_VOTE, show_default=True)
@click.option("--price-per-vote", type=click.FloatRange(0), default=PRICE_PER_VOTE, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.pass_context
def simulate_command(ctx: click.Context, /, **given: Any) -> None:
    """Say what verification would cost and give, with workers of given rates, before anyone is asked.

    With --run the questions and the settings of verify are a run's own, and --votes-out writes the votes that its
    pictures would get: to try on nobody's time what comes after voting. The truth behind them is drawn; it says nothing
    about the pictures.

    \b
    Examples:
      imagenet-build verify simulate --sensitivity 0.6 --false-yes 0.05 --target-precision 0.97
      imagenet-build verify simulate --from-votes votes.parquet --mean-votes 3 --json
      imagenet-build verify simulate --run data/runs/demo --votes-out /tmp/votes.csv
    """
    names = ("method", "target_precision", "max_votes", "least_gain", "seed")
    layout = None if given["run"] is None else RunLayout(given["run"])
    config = VerifyConfig(**{name: given[name] for name in names})
    if layout is not None:
        typed = [name for name in names if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        config = run_goal(read_config(layout).verify.model_copy(update={name: given[name] for name in typed}))
    crowd = Crowd(workers=given["workers"], sensitivity=given["sensitivity"], false_yes=given["false_yes"])
    batch = Batch(given["pictures"], given["synsets"], given["prevalence"], votes=max(10, config.max_votes))
    if given["votes_out"] is not None:
        check_suffix(given["votes_out"])
    if given["from_votes"] is not None:
        crowd, batch = crowd_like(given["from_votes"], crowd, batch)
    questions = None if layout is None else run_questions(layout)
    rows = simulate(
        crowd,
        batch,
        config,
        seconds_per_vote=given["seconds_per_vote"],
        price_per_vote=given["price_per_vote"],
        mean_votes=given["mean_votes"],
        seed=config.seed,
        questions=questions,
    )
    if given["votes_out"] is not None:
        votes = asked_votes(questions or made_questions(batch), crowd, batch, config, seed=config.seed)
        write_verdicts(given["votes_out"], votes)
        click.echo(f"{len(votes):,} simulated votes in {given['votes_out']}.", err=True)
    _print(rows, given["as_json"])


def _config(given: Mapping[str, Any]) -> VerifyConfig:
    target = given["target_precision"]
    if given["objective"] == "balanced" and target is not None:
        raise click.UsageError("--objective balanced and --target-precision exclude each other.")
    if given["objective"] == "precision" and target is None:
        raise click.UsageError("--objective precision needs --target-precision.")
    names = [name for name in VerifyConfig.model_fields if given.get(name) is not None]
    return VerifyConfig(**{name: given[name] for name in names})


def _files(given: Mapping[str, Any]) -> VoteFiles:
    return VoteFiles(**{name: given[name] for name in VoteFiles._fields})


def _show(outcome: Outcome, given: Mapping[str, Any]) -> None:
    """Verdicts to their file or to stdout, everything else beside them."""
    out: Path | None = given["out"]
    if out is not None:
        write_verdicts(out, outcome.verdicts)
    if outcome.summary["repeated_votes_left_out"]:
        count = outcome.summary["repeated_votes_left_out"]
        click.echo(f"{count:,} votes left out: the same worker answered the same question again later.", err=True)
    if given["as_json"]:
        whole = {"summary": outcome.summary, "majorities": outcome.majorities, "synsets": outcome.synsets}
        if out is None:
            whole["verdicts"] = json.loads(outcome.verdicts.to_json(orient="records"))
        click.echo(json.dumps(whole, ensure_ascii=False, indent=1))
        return
    if out is None:
        click.echo(outcome.verdicts.to_csv(index=False, lineterminator="\n"), nl=False)
    for line in outcome.lines():
        click.echo(line, err=out is None)


def _print(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        cleaned = [{key: None if _is_nan(value) else value for key, value in row.items()} for row in rows]
        click.echo(json.dumps(cleaned, ensure_ascii=False, indent=1))
    else:
        print_table(rows, list(rows[0]))


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and bool(np.isnan(value))
