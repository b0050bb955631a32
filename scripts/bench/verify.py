"""Votes to verdicts on real vote tables and on simulated workers: accuracy, votes used, seconds.

The real tables (bluebirds, dogs, real_votes) are looked for in IMAGENET_BUILD_SHARED or beside the project; without
them only the simulations run. Everything is printed from this one run; nothing fails on a figure.

    python scripts/bench/verify.py [--seeds 3]
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.hierarchy import lineage_of
from imagenet_build.verify.judges import make_judge
from imagenet_build.verify.live import LiveRates
from imagenet_build.verify.rates import Rates
from imagenet_build.verify.read_votes import read_truth, read_votes
from imagenet_build.verify.replay import decide, replay
from imagenet_build.verify.scores import score
from imagenet_build.verify.simulated_workers import Batch, Crowd, simulate_votes
from imagenet_build.verify.votes import NO_TRUTH, Answer, IntArray, VoteTable
from imagenet_build.verify.worker_report import worker_rows

SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED", Path(__file__).parents[2].parent / "shared")) / "votes"
LIKE_REAL = Crowd()
CROWDS = {
    "like the raters of ImageNet": LIKE_REAL,
    "the same, nobody unsure": replace(LIKE_REAL, unsure_at_half=0.0, unsure_else=0.0),
    "the same, pictures all alike": replace(LIKE_REAL, sameness_true=1e4, sameness_false=1e4),
    "the same, 20 % at random": replace(LIKE_REAL, at_random=0.2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="simulated tables per crowd")
    options = parser.parse_args()
    if SHARED.is_dir():
        bluebirds()
        dogs()
        real_votes()
    else:
        print(f"no vote tables in {SHARED}: only simulations")
    million()
    for name, crowd in CROWDS.items():
        for seed in range(options.seeds):
            simulated(f"{name}, seed {seed}", *simulate_votes(crowd, Batch(pictures=4000, synsets=40), seed))
    cat_and_burmese_cat()


def bluebirds() -> None:
    table = read_votes(SHARED / "bluebirds_votes.csv")
    truth = read_truth(SHARED / "bluebirds_truth.csv", table.questions)
    for method in ("rates", "table", "majority"):
        everything(f"bluebirds, {method}, all votes", table, truth, VerifyConfig(method=method))
    gold = np.where(np.arange(len(truth)) % 3 == 0, truth, NO_TRUTH)
    everything("bluebirds, rates, a third is gold", table, truth, VerifyConfig(), gold)


def dogs() -> None:
    table = read_votes(SHARED / "dogs_votes.csv", one_of_many=True)
    truth = read_truth(SHARED / "dogs_truth.csv", table.questions, one_of_many=True)
    for method in ("rates", "table", "majority"):
        everything(f"dogs, {method}, all votes", table, truth, VerifyConfig(method=method))
    for votes in (3, 5, 10):
        some(f"dogs, majority of {votes}", table, truth, VerifyConfig(method="majority", majority_votes=votes))
    for gain in (0.01, 0.003, 0.001):
        some(f"dogs, rates, least gain {gain}, in the file's order", table, truth, VerifyConfig(least_gain=gain))
    # the file is sorted by worker within each picture: its order is nobody's order of voting
    config, found = VerifyConfig(), []
    for seed in range(8):
        end = replay(
            table, judge(table, config), max_votes=config.max_votes, least_gain=config.least_gain, shuffle=seed
        )
        accuracy = score(end.opinion.probability, end.opinion.accepted, truth).accuracy
        found.append((accuracy, float(end.used.mean())))
    print(f"dogs, rates, votes in 8 random orders: accuracy {[round(accuracy, 4) for accuracy, _ in found]}")
    print(f"  mean accuracy {np.mean(found, axis=0)[0]:.4f} at {np.mean(found, axis=0)[1]:.2f} votes per question")


def real_votes() -> None:
    started = time.perf_counter()
    table = read_votes(SHARED / "real_votes.parquet")
    print(f"real_votes: {len(table):,} votes on {len(table.questions):,} questions, read in {seconds(started)}")
    rates = fit(table, "real_votes")
    rows = worker_rows(table, rates)
    heavy = [row for row in rows if row.votes >= 1000]
    print(f"  workers with 1,000 votes or more: {len(heavy)}; flagged: {[row.worker for row in rows if row.flag]}")
    weight = np.array([row.votes for row in rows])
    for name in ("sensitivity", "false_yes", "unsure"):
        values = np.array([getattr(row, name) for row in rows])
        print(f"  {name}: mean over votes {(values * weight).sum() / weight.sum():.3f}")
    print("  worker: sensitivity, false yes, unsure, flag")
    for row in heavy[:8] + [row for row in rows if row.flag not in ("", "few")]:
        print(f"  {row.worker}: {row.sensitivity:.3f}, {row.false_yes:.3f}, {row.unsure:.3f}, {row.flag or 'none'}")
    nobody = np.full(len(table.questions), NO_TRUTH)
    for config in (VerifyConfig(), VerifyConfig(target_precision=0.935)):
        some(f"real_votes, replay, target {config.target_precision}", table, nobody, config)
    live = LiveRates(rates, [str(name) for name in table.workers])
    names = [str(name) for name in table.workers]
    picks = np.random.default_rng(0).integers(0, len(table.questions), 20_000).tolist()
    started = time.perf_counter()
    for place, question in enumerate(picks):
        live.add(question, names[place % len(names)], Answer.YES)
    print(f"  one vote taken in: {(time.perf_counter() - started) / len(picks) * 1e6:.0f} microseconds")


def million() -> None:
    batch = Batch(pictures=200_000, synsets=1000, votes=5)
    for workers in (100, 400):
        table, _ = simulate_votes(replace(LIKE_REAL, workers=workers), batch, 0)
        fit(table, f"simulated, {workers} workers")


def fit(table: VoteTable, name: str) -> Rates:
    started = time.perf_counter()
    rates = Rates(table, lineage_of([str(wnid) for wnid in table.questions.wnids], {}))
    rates.fit(np.arange(len(table)))
    print(f"{name}: full fit of {len(table):,} votes in {seconds(started)}")
    return rates


def simulated(name: str, table: VoteTable, truth: IntArray) -> None:
    print(name)
    for votes in (3, 5, 10):
        some(f"  majority of {votes}", table, truth, VerifyConfig(method="majority", majority_votes=votes))
    some("  rates", table, truth, VerifyConfig())
    some("  rates, 3 votes on average", table, truth, VerifyConfig(), mean_votes=3.0)
    some("  rates, precision 0.935", table, truth, VerifyConfig(target_precision=0.935))
    gold = np.where(np.arange(len(truth)) % 20 == 0, truth, NO_TRUTH)
    some("  rates, precision 0.935, 5 % gold", table, truth, VerifyConfig(target_precision=0.935), gold=gold)


def cat_and_burmese_cat() -> None:
    """Two synsets at one confidence, by the paper's table and by rates; how many votes each picture needs."""
    easy = replace(LIKE_REAL, sensitivity=0.95, false_yes=0.03, sameness_true=60, sameness_false=60, at_random=0)
    for name, crowd in (("cat", easy), ("burmese cat", replace(easy, sensitivity=0.68, false_yes=0.32))):
        batch = Batch(pictures=1000, synsets=1, prevalence=0.5, prevalence_sameness=1e6, votes=20)
        table, truth = simulate_votes(crowd, batch, 1)
        for method in ("table", "rates"):
            config = VerifyConfig(method=method, max_votes=20, least_gain=0.01, table_images=100)
            end = replay(table, judge(table, config), max_votes=20, least_gain=0.01)
            used = end.used if method == "rates" else end.used[end.used != config.table_votes]
            found = score(end.opinion.probability, end.opinion.accepted, truth)
            print(f"{name}, {method}: {used.mean():.2f} votes per picture, precision {found.precision:.3f}")


def judge(table: VoteTable, config: VerifyConfig, gold: IntArray | None = None):
    return make_judge(table, np.full(len(table.questions), NO_TRUTH) if gold is None else gold, config)


def everything(
    name: str, table: VoteTable, truth: IntArray, config: VerifyConfig, gold: IntArray | None = None
) -> None:
    started = time.perf_counter()
    opinion = decide(table, judge(table, config, gold))
    report(name, len(table) / len(truth), opinion.probability, opinion.accepted, truth, started)


def some(
    name: str,
    table: VoteTable,
    truth: IntArray,
    config: VerifyConfig,
    mean_votes: float | None = None,
    gold: IntArray | None = None,
) -> None:
    started = time.perf_counter()
    end = replay(
        table,
        judge(table, config, gold),
        max_votes=config.max_votes,
        least_gain=config.least_gain,
        mean_votes=mean_votes,
    )
    report(name, float(end.used.mean()), end.opinion.probability, end.opinion.accepted, truth, started)


def report(
    name: str, votes: float, probability: np.ndarray, accepted: np.ndarray, truth: IntArray, started: float
) -> None:
    line = f"{name}: {votes:.2f} votes per question, {accepted.mean():.3f} accepted"
    if (truth != NO_TRUTH).any():
        found = score(probability, accepted, truth)
        line += (
            f", accuracy {found.accuracy:.4f}, balanced {found.balanced_accuracy:.4f}"
            f", precision {found.precision:.3f}, recall {found.recall:.3f}"
            f", calibration error {found.calibration_error:.3f}"
        )
    print(f"{line}, {seconds(started)}", flush=True)


def seconds(started: float) -> str:
    return f"{time.perf_counter() - started:.1f} s"


if __name__ == "__main__":
    main()
