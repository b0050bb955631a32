from __future__ import annotations

import numpy as np
import pytest

from imagenet_build.verify.calibration import Calibration, expected_calibration_error, fit_calibration
from imagenet_build.verify.odds import logit, sigmoid


def test_overconfidence_is_unlearnt_and_the_order_stays() -> None:
    random = np.random.default_rng(0)
    honest = random.beta(0.6, 0.9, 4000)
    truth = (random.random(4000) < honest).astype(np.int64)
    said = sigmoid(2.5 * logit(honest) + 1.0)
    calibration = fit_calibration(said[:2000], truth[:2000])
    corrected = calibration.apply(said[2000:])
    assert expected_calibration_error(said[2000:], truth[2000:]) > 0.08
    assert expected_calibration_error(corrected, truth[2000:]) < 0.03
    assert (np.diff(corrected[np.argsort(said[2000:])]) >= 0).all()


def test_a_handful_of_gold_hardly_moves_anything() -> None:
    probability = np.array([0.1, 0.5, 0.9])
    moved = fit_calibration(np.array([0.9, 0.2]), np.array([1, 0])).apply(probability)
    assert np.abs(moved - probability).max() < 0.1


def test_no_gold_is_the_identity() -> None:
    probability = np.array([0.0, 0.25, 1.0])
    assert Calibration().apply(probability) == pytest.approx(probability, abs=1e-5)
    assert expected_calibration_error(np.zeros(0), np.zeros(0, np.int64)) == 0.0
