"""Decisions by cost, thresholds and their costs are those that brute force finds."""

from __future__ import annotations

import numpy as np
import pytest

from stats.losses import costs as costing

COSTS = np.array([[0.0, 1.0], [5.0, 0.0]])


def draw(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns calibrated probabilities of the second of two classes, and the truth."""
    generator = np.random.default_rng(seed)
    second = np.round(generator.random(n_rows), 2)
    return second, (generator.random(n_rows) < second).astype(np.int64)


def test_the_class_of_the_least_expected_cost_is_said() -> None:
    """Each row's class is that whose expected cost, summed by hand, is least; of equals the first is said."""
    generator = np.random.default_rng(1)
    costs = generator.random((4, 4))
    probabilities = generator.dirichlet(np.ones(4), size=50)
    by_hand = [
        min(
            range(4),
            key=lambda said: sum(row[true] * costs[true, said] for true in range(4)),
        )
        for row in probabilities
    ]

    assert costing.decide(probabilities, costs).tolist() == by_hand
    assert costing.decide(np.full((1, 2), 0.5), 1 - np.eye(2)).tolist() == [0]


def test_two_classes_are_parted_at_the_threshold_of_their_costs() -> None:
    """The second class is said from a sixth on with a miss five times as dear, as Elkan's equation 2 has it."""
    threshold = costing.find_threshold(COSTS)
    second = np.array([0.16, 0.17])
    said = costing.decide(np.stack([1 - second, second], axis=1), COSTS)

    assert threshold == pytest.approx(1 / 6)
    assert said.tolist() == [0, 1]
    assert costing.find_threshold(np.array([[0.0, 0.0], [5.0, 0.0]])) is None
    assert costing.find_threshold(np.zeros((3, 3))) is None


@pytest.mark.parametrize("seed", range(20))
def test_no_other_threshold_costs_less_on_the_rows_it_is_chosen_on(seed: int) -> None:
    """The chosen threshold costs as little as the best of all that a search tries, also where probabilities repeat."""
    second, truth = draw(40, seed)
    chosen = costing.choose_threshold(second, truth, COSTS)

    def cost(threshold: float) -> float:
        said = (second >= threshold).astype(np.int64)
        return float(costing.find_costs(said, truth, COSTS).mean())

    tried = [cost(each) for each in np.linspace(0, 1.01, 2000)]
    assert cost(chosen) == pytest.approx(min(tried))


def test_a_threshold_is_beyond_what_is_certain_where_nothing_is_to_be_said() -> None:
    """A probability of 1 is under the threshold where saying the second class never pays."""
    second = np.array([1.0, 0.5])
    chosen = costing.choose_threshold(second, np.zeros(2, np.int64), COSTS)

    assert not (second >= chosen).any()


def test_costs_on_other_folds_are_dearer_than_on_those_of_the_choice() -> None:
    """A chosen threshold costs less on its own rows than on others, on the mean of 200 samples."""
    here, elsewhere, true = [], [], []
    new_second, new_truth = draw(50_000, 999)

    for seed in range(200):
        second, truth = draw(40, seed)
        chosen = costing.choose_threshold(second, truth, COSTS)
        said = (second >= chosen).astype(np.int64)
        here.append(costing.find_costs(said, truth, COSTS).mean())
        elsewhere.append(costing.cross_costs(second, truth, COSTS).mean())
        new_said = (new_second >= chosen).astype(np.int64)
        true.append(costing.find_costs(new_said, new_truth, COSTS).mean())

    assert np.mean(here) < np.mean(true) - 0.03
    assert abs(np.mean(elsewhere) - np.mean(true)) < 0.03


def test_a_group_is_never_parted_by_folds() -> None:
    """Rows of one group have their costs by one threshold: five groups of opposite rows are each judged by four."""
    second = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 4)
    truth = (second > 0.4).astype(np.int64)
    groups = np.repeat(np.arange(5), 4)
    found = costing.cross_costs(second, truth, COSTS, groups)

    assert all(len(set(found[groups == each])) == 1 for each in range(5))


def test_the_cheapest_class_is_what_one_may_always_say() -> None:
    """The second class is the cheapest where it is a quarter of the rows and a miss is five times as dear."""
    truth = np.array([0, 0, 0, 1])
    assert costing.find_cheapest_class(truth, COSTS) == (1, 0.75)
