from imagenet_build.network.circuit_breaker import FAILURES_TO_OPEN, RESTS_S, CircuitBreaker


def opened() -> CircuitBreaker:
    breaker = CircuitBreaker()
    rests = [breaker.failed(now, now + 0.5) for now in range(FAILURES_TO_OPEN)]
    assert rests == [0.0] * (FAILURES_TO_OPEN - 1) + [RESTS_S[0]]
    return breaker


def test_it_opens_after_so_many_failures_in_a_row():
    assert not opened().is_closed


def test_a_success_in_between_begins_the_count_anew():
    breaker = CircuitBreaker()
    for now in range(5 * FAILURES_TO_OPEN):
        if now % FAILURES_TO_OPEN == FAILURES_TO_OPEN - 1:
            assert not breaker.succeeded()
        else:
            assert breaker.failed(now, now) == 0.0
    assert breaker.is_closed


def test_rests_grow_while_trials_fail_and_stop_growing():
    breaker = opened()
    now = 1000.0
    rests = []
    for _ in range(5):
        rests.append(breaker.failed(now, now + 1))
        now += 10_000_000
    assert rests == [*RESTS_S[1:], RESTS_S[-1], RESTS_S[-1]]


def test_a_success_closes_it_and_the_next_rest_is_short_again():
    breaker = opened()
    assert breaker.succeeded()
    assert breaker.is_closed
    rests = [breaker.failed(now, now) for now in range(1000, 1000 + FAILURES_TO_OPEN)]
    assert rests[-1] == RESTS_S[0]


def test_failures_that_were_under_way_when_it_opened_do_not_lengthen_the_rest():
    breaker = opened()
    for began in range(FAILURES_TO_OPEN):
        assert breaker.failed(began, 100.0) == 0.0
    assert breaker.rests == 1


def test_what_was_kept_is_taken_up_again():
    assert CircuitBreaker(failures=FAILURES_TO_OPEN - 1).failed(0, 0) == RESTS_S[0]
    assert CircuitBreaker(rests=2).failed(0, 0) == RESTS_S[2]
