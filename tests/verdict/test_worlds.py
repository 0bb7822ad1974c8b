"""Worlds that are drawn anew for each case: every figure of a verdict is that of an independent oracle.

Figures are found again by SciPy, statsmodels, scikit-learn or plain counting of rows, never by the code under test.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import optimize
from scipy import stats as oracle
from sklearn import metrics as learn
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from row_records import hash_rows
from service.live.drift import join_rare
from stats import groups as grouping
from stats.chi_square import chi_square_tail, compare_counts
from stats.labelling.discordant import tango_interval
from stats.labelling.plan import plan_labels
from stats.losses import costs as costing
from stats.losses.comparison import LossComparison
from stats.losses.cost_gaps import CostGaps
from stats.losses.set_sizes import cross_sets
from stats.monitoring.label_free import contradicts, estimate_accuracy
from tests.support.made_predictions import make_predictions
from verdict.analysis import judge
from verdict.by_criterion import find_gaps, judge_by
from verdict.criterion import Criterion
from verdict.grouping import Grouping
from verdict.predictions import Predictions
from verdict.slicing import Slicing

CLASSES = ("a", "b", "c", "d", "e")
Z = float(oracle.norm.ppf(0.975))


def draw_world(seed: int, *, n_classes: int | None = None) -> Predictions:
    """Returns two to five models of any skill on 40 to 400 rows of two to five classes, rows alike for all."""
    generator = np.random.default_rng(seed)
    n_classes = n_classes or int(generator.integers(2, 6))
    skills = generator.uniform(0.5, 0.97, int(generator.integers(2, 6)))
    return make_predictions(
        {f"m{place}": float(each) for place, each in enumerate(skills)},
        n_rows=int(generator.integers(40, 400)),
        classes=CLASSES[:n_classes],
        seed=seed,
    )


def draw_groups(trial: Predictions, seed: int) -> Predictions:
    """Returns the trial in groups of 1 to 12 rows by a column, whose rows are alike since the first is repeated."""
    generator = np.random.default_rng(seed)
    members = np.sort(generator.integers(0, len(trial.truth) // 6, len(trial.truth)))
    members = np.unique(members, return_inverse=True)[1]
    _, first = np.unique(members, return_index=True)
    copied = generator.random(len(members)) < 0.5
    rows = np.where(copied, first[members], np.arange(len(members)))
    answers = [
        replace(each, label=each.label[rows], probabilities=each.probabilities[rows])
        for each in trial.answers
    ]
    together = Grouping(groups=members, column="patient", n_equal=0)
    return replace(trial, truth=trial.truth[rows], answers=answers, grouping=together)


def find_value(trial: Predictions, place: int, metric: str) -> float:
    """Returns a model's metric by scikit-learn."""
    answer = trial.answers[place]
    every = list(range(len(trial.classes)))
    if metric == "balanced_accuracy":
        return float(learn.balanced_accuracy_score(trial.truth, answer.label))
    if metric == "log_loss":
        return float(learn.log_loss(trial.truth, answer.probabilities, labels=every))
    probabilities: Any = answer.probabilities
    if len(every) == 2:
        probabilities = probabilities[:, 1]
    return float(learn.brier_score_loss(trial.truth, probabilities, labels=every))


def find_row_losses(trial: Predictions, metric: str) -> np.ndarray:
    """Returns each row's loss of each model, row by row."""
    found = []
    for answer in trial.answers:
        told = []
        for row, true in zip(answer.probabilities, trial.truth, strict=True):
            # A probability of 0 counts as the least step of a float64 at 1, as in scikit-learn.
            one_hot = [float(true == each) for each in range(len(row))]
            squares = sum((a - b) ** 2 for a, b in zip(row, one_hot, strict=True))
            told.append(
                -np.log(max(row[true], 2.0**-52))
                if metric == "log_loss"
                else squares / (2 if len(row) == 2 else 1)
            )
        found.append(told)

    return np.array(found).T


@pytest.mark.parametrize(
    ("seed", "metric"),
    [*product(range(8), ("brier", "log_loss", "balanced_accuracy"))],
)
def test_values_and_gains_are_those_of_scikit_learn(seed: int, metric: str) -> None:
    """Each model's value, the leader and each pair's gain follow from scikit-learn's figures to 1e-9."""
    trial = draw_world(seed)
    numbers = judge_by(trial, Criterion(metric=metric))
    values = [find_value(trial, place, metric) for place in range(len(trial.answers))]
    sign = 1 if metric == "balanced_accuracy" else -1
    names = [each.model for each in trial.answers]
    best = names[int(np.argmax([sign * each for each in values]))]

    assert [each["value"] for each in numbers["models"]] == pytest.approx(values)
    assert numbers["leader"] == best
    for pair in numbers["pairs"]:
        first, second = (names.index(each) for each in pair["models"])
        gain = sign * (values[first] - values[second])
        assert pair["gain"]["value"] == pytest.approx(gain, abs=1e-9)
        interval = pair["gain"]["interval"]
        if interval is not None:
            assert interval[0] < gain < interval[1]
            verdict = (
                "a" if interval[0] > 0 else "b" if interval[1] < 0 else "not shown"
            )
            assert pair["verdict"] == verdict
    assert best in numbers["may_be_best"]


@pytest.mark.parametrize(
    ("seed", "metric"), [*product(range(20, 30), ("brier", "log_loss"))]
)
def test_a_pairs_own_interval_is_at_least_scipys(seed: int, metric: str) -> None:
    """A pair's interval alone holds that of SciPy's paired t test, and is at most a quarter wider on either side."""
    trial = draw_world(seed)
    losses = find_row_losses(trial, metric)
    for pair in judge_by(trial, Criterion(metric=metric))["pairs"]:
        if pair["gain"]["alone"] is None:
            assert "wrong for either" in pair["reason"] or "have most" in pair["reason"]
            continue

        names = [each.model for each in trial.answers]
        first, second = (names.index(each) for each in pair["models"])
        tested = oracle.ttest_rel(losses[:, second], losses[:, first])
        low, high = tested.confidence_interval(0.95)
        found = pair["gain"]["alone"]
        half = (high - low) / 2
        assert low - half / 4 - 1e-9 <= found[0] <= low + 1e-9
        assert high - 1e-9 <= found[1] <= high + half / 4 + 1e-9
        assert pair["p_value"] >= tested.pvalue - 1e-5
        assert pair["p_value_together"] >= pair["p_value"]


@pytest.mark.parametrize(
    ("seed", "metric"), [*product(range(40, 48), ("brier", "log_loss"))]
)
def test_groups_have_the_cluster_robust_error_of_statsmodels(
    seed: int, metric: str
) -> None:
    """The error of a gap of groups is that of an intercept alone with statsmodels' cluster-robust covariance."""
    trial = draw_groups(draw_world(seed), seed)
    losses = find_row_losses(trial, metric)
    gaps: Any = find_gaps(trial, Criterion(metric=metric))
    apart = losses[:, 1] - losses[:, 0]
    fitted = sm.OLS(apart, np.ones(len(apart))).fit(
        cov_type="cluster", cov_kwds={"groups": trial.groups}
    )

    assert gaps.find_gap(0, 1) == pytest.approx(float(fitted.params[0]), abs=1e-9)
    assert gaps.find_error(0, 1) == pytest.approx(float(fitted.bse[0]), rel=1e-9)
    assert gaps.degrees == len(set(trial.groups.tolist())) - 1


@pytest.mark.parametrize("seed", range(60, 70))
def test_accuracy_of_groups_has_wilsons_interval_of_fewer_rows(seed: int) -> None:
    """Rows are divided by the variance of groups over that of rows, and by Student's quantile over the normal one."""
    trial = draw_groups(draw_world(seed), seed)
    hits = trial.hits[:, 0].astype(float)
    fitted = sm.OLS(hits, np.ones(len(hits))).fit(
        cov_type="cluster", cov_kwds={"groups": trial.groups}
    )
    n_groups = len(set(trial.groups.tolist()))
    by_rows = hits.mean() * (1 - hits.mean()) / len(hits)
    quantile = oracle.t.ppf(0.975, n_groups - 1) / Z
    effect = max(1.0, float(fitted.bse[0]) ** 2 / by_rows) * quantile**2
    expected = proportion_confint(
        hits.sum() / effect, len(hits) / effect, method="wilson"
    )
    found = judge(trial, risk=0.01)["models"][0]["metrics"]["accuracy"]

    assert found["interval"] == pytest.approx(expected, abs=1e-9)
    assert grouping.count_groups(trial.groups, len(hits)) == n_groups


def draw_costs(seed: int, n_classes: int) -> np.ndarray:
    """Returns costs of 0 to 20 for mistakes and of none, or a gain, for right answers."""
    generator = np.random.default_rng(seed)
    costs = np.round(generator.uniform(0, 20, (n_classes, n_classes)), 2)
    np.fill_diagonal(
        costs, -np.round(generator.uniform(0, 2, n_classes), 2) * (seed % 2)
    )
    return costs


@pytest.mark.parametrize("seed", range(80, 96))
def test_costs_are_those_that_are_counted_by_hand(seed: int) -> None:
    """Decisions, their costs and the cost of the cheapest class are found again row by row."""
    trial = draw_world(seed)
    matrix = draw_costs(seed, len(trial.classes))
    criterion = Criterion(metric="cost", costs=tuple(map(tuple, matrix.tolist())))
    numbers = judge_by(trial, criterion)
    for answer, model in zip(trial.answers, numbers["models"], strict=True):
        total = own = 0.0
        for row, label, true in zip(
            answer.probabilities.tolist(), answer.label, trial.truth, strict=True
        ):
            expected = [
                sum(share * matrix[each, said] for each, share in enumerate(row))
                for said in range(len(row))
            ]
            total += matrix[true, expected.index(min(expected))]
            own += matrix[true, label]
        assert model["value"] == pytest.approx(total / len(trial.truth))
        assert model["as_answered"] == pytest.approx(own / len(trial.truth))
        assert model["saved"]["value"] == pytest.approx(
            (own - total) / len(trial.truth)
        )

    always = [matrix[trial.truth, said].mean() for said in range(len(matrix))]
    assert numbers["baseline"]["value"] == pytest.approx(min(always))


@pytest.mark.parametrize("seed", range(100, 112))
def test_limits_of_costs_are_roots_of_the_score_equations(seed: int) -> None:
    """Upper limits are statsmodels' Wilson, lower ones the roots of the score equation with half a row less."""
    generator = np.random.default_rng(seed)
    n_rows = int(generator.integers(20, 800))
    values = [1.0, float(generator.integers(5, 200))]
    counts = generator.integers(1, max(2, n_rows // 6), 2)
    losses = np.zeros((n_rows, 2))
    losses[: counts[0], 1] = values[0]
    losses[counts[0] : counts.sum(), 1] = values[1]
    below = above = 0.0
    for value, count in zip(values, counts.tolist(), strict=True):
        share = count / n_rows

        def solve(p: float, share: float = share) -> float:
            return share - p - 0.5 / n_rows - Z * (p * (1 - p) / n_rows) ** 0.5

        low = optimize.brentq(solve, 1e-12, share, xtol=1e-15)
        high = proportion_confint(count, n_rows, method="wilson")[1]
        below += (value * (share - low)) ** 2
        above += (value * (high - share)) ** 2

    gap = float(losses[:, 1].mean())
    found = CostGaps(losses, np.array(values), None).bound(0, 1, Z)
    assert found == pytest.approx((gap - below**0.5, gap + above**0.5), abs=1e-6)


@pytest.mark.parametrize("seed", range(120, 128))
def test_the_chosen_threshold_is_the_cheapest_of_all(seed: int) -> None:
    """No threshold between any two probabilities, and none beyond all, costs less on the same rows."""
    trial = draw_world(seed, n_classes=2)
    second = np.round(trial.answers[0].probabilities[:, 1], 2)
    matrix = draw_costs(seed, 2)
    threshold = costing.choose_threshold(second, trial.truth, matrix)
    tried = [
        matrix[trial.truth, (second >= t).astype(int)].mean()
        for t in np.linspace(0, 1.01, 102)
    ]
    here = matrix[trial.truth, (second >= threshold).astype(int)].mean()
    assert here == pytest.approx(min(tried))


@pytest.mark.parametrize(
    ("wanted", "share"), [*product((0.01, 0.02, 0.05), (0.06, 0.12, 0.3))]
)
def test_a_plan_of_labels_has_the_power_that_it_says(
    wanted: float, share: float
) -> None:
    """McNemar's exact test of SciPy has a power of 0.77 to 0.86 on as many rows, summed over all counts of labels."""
    plan = plan_labels(wanted, share)
    power = 0.0
    counts = np.arange(plan["rows"] + 1)
    chances = oracle.binom.pmf(counts, plan["rows"], share)
    for count in counts[chances > 1e-7].tolist():
        wins = np.arange(count + 1)
        p_values = np.minimum(
            1, 2 * oracle.binom.cdf(np.minimum(wins, count - wins), count, 0.5)
        )
        of_wins = oracle.binom.pmf(wins, count, (share + wanted) / (2 * share))
        power += chances[count] * float(
            of_wins[(p_values < 0.05) & (2 * wins > count)].sum()
        )

    assert 0.77 <= power <= 0.86
    assert plan["labels"] == int(np.ceil(plan["rows"] * share))


@pytest.mark.parametrize("seed", range(140, 146))
def test_tangos_limits_are_where_the_score_is_the_quantile(seed: int) -> None:
    """The likeliest table at each end, found by SciPy's optimiser, has a score of 1.96."""
    generator = np.random.default_rng(seed)
    only_a, only_b = (int(each) for each in generator.integers(1, 25, 2))
    n_rows = int(generator.integers(60, 400))
    for end in tango_interval(only_a, only_b, n_rows):

        def unlikely(share_b: float, end: float = end) -> float:
            share_a = share_b + end
            rest = 1 - share_a - share_b
            if min(share_a, share_b, rest) <= 0:
                return 1e9
            logs = only_a * np.log(share_a) + only_b * np.log(share_b)
            return -float(logs + (n_rows - only_a - only_b) * np.log(rest))

        bounds = (max(0.0, -end) + 1e-9, (1 - end) / 2 - 1e-9)
        share_b = optimize.minimize_scalar(
            unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}
        ).x
        variance = n_rows * (2 * share_b + end - end * end)
        score = (only_a - only_b - n_rows * end) / variance**0.5
        assert abs(score) == pytest.approx(Z, abs=1e-4)


@pytest.mark.parametrize("seed", range(160, 168))
def test_slices_are_those_of_exact_tests_with_false_discovery_control(
    seed: int,
) -> None:
    """Parts where the leader is worse are those of SciPy's binomial test and statsmodels' Benjamini and Yekutieli."""
    generator = np.random.default_rng(seed)
    trial = make_predictions({"one": 0.85, "two": 0.8}, n_rows=600, seed=seed)
    part_of = generator.integers(0, 4, 600)
    worse = (part_of == 2) & (generator.random(600) < 0.4)
    labels = np.where(worse, 1 - trial.truth, trial.answers[0].label)
    answers = [replace(trial.answers[0], label=labels), trial.answers[1]]
    slicing = Slicing(name="shop", parts=list("wxyz"), part_of=part_of)
    trial = replace(trial, answers=answers, slicings=[slicing])
    numbers = judge(trial, risk=0.01)
    leader = [each.model for each in answers].index(numbers["leader"])
    parts = [
        *((trial.truth == each) for each in (0, 1)),
        *((part_of == each) for each in range(4)),
    ]
    names = ["no", "yes", *"wxyz"]
    p_values, behind = [], []
    for inside in parts:
        mine, other = trial.hits[inside, leader], trial.hits[inside, 1 - leader]
        wins, losses = int((mine & ~other).sum()), int((other & ~mine).sum())
        p_values.append(oracle.binomtest(wins, wins + losses).pvalue)
        behind.append(losses > wins)
    adjusted = multipletests(p_values, method="fdr_by")[1]
    expected = {
        name: p_value
        for name, p_value, is_behind in zip(names, adjusted, behind, strict=True)
        if is_behind and p_value <= 0.1
    }
    found = {
        each["part"]: each["p_value_adjusted"] for each in numbers["slices"]["worse"]
    }
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(180, 188))
def test_as_good_is_two_one_sided_tests(seed: int) -> None:
    """A pair is as good within 3 % where both ends of Newcombe's 90 % interval, computed by hand, are within it."""
    trial = make_predictions(
        {"one": 0.9, "two": 0.9}, n_rows=200 * (1 + seed % 8), seed=seed
    )
    first = replace(trial.answers[0])
    generator = np.random.default_rng(seed)
    changed = generator.random(len(trial.truth)) < 0.03
    second = replace(
        trial.answers[1], label=np.where(changed, 1 - first.label, first.label)
    )
    trial = replace(trial, answers=[first, second])
    (pair,) = judge(trial, risk=0.01, within=0.03)["pairs"]
    interval = find_newcombes_interval(trial.hits)

    assert pair["as_good"]["interval"] == pytest.approx(interval, abs=1e-9)
    assert pair["as_good"]["shown"] == (interval[0] > -0.03 and interval[1] < 0.03)


def find_newcombes_interval(hits: NDArray[np.bool_]) -> tuple[float, float]:
    """Returns Newcombe's 90 % interval of a paired difference, method 10, from `hits` `(n_rows, 2)`."""
    n_rows = len(hits)
    (low_a, high_a), (low_b, high_b) = (
        proportion_confint(int(each.sum()), n_rows, alpha=0.1, method="wilson")
        for each in hits.T
    )
    a, b = hits.mean(axis=0)
    both, neither = (
        int((hits[:, 0] & hits[:, 1]).sum()),
        int((~hits[:, 0] & ~hits[:, 1]).sum()),
    )
    only_a, only_b = (int((hits[:, i] & ~hits[:, 1 - i]).sum()) for i in (0, 1))
    product_ = both * neither - only_a * only_b
    corrected = max(product_ - n_rows / 2, 0) if product_ > 0 else product_
    margins = (
        (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    )
    phi = corrected / margins**0.5
    below = (
        (a - low_a) ** 2 - 2 * phi * (a - low_a) * (high_b - b) + (high_b - b) ** 2
    ) ** 0.5
    above = (
        (high_a - a) ** 2 - 2 * phi * (high_a - a) * (b - low_b) + (b - low_b) ** 2
    ) ** 0.5

    return a - b - below, a - b + above


@pytest.mark.parametrize(
    ("seed", "coverage"), [*product(range(200, 204), (0.8, 0.9, 0.95))]
)
def test_prediction_sets_are_those_of_a_split_by_hand(
    seed: int, coverage: float
) -> None:
    """The threshold of a fold is the true class's probability at the rank of split conformal prediction elsewhere."""
    trial = draw_world(seed)
    probabilities, truth = trial.answers[0].probabilities, trial.truth
    folds = costing.find_folds(len(truth), None)
    of_truth = probabilities[np.arange(len(truth)), truth]
    sizes, covered = [], []
    for row, fold in enumerate(folds):
        others = np.sort(1 - of_truth[folds != fold])
        rank = int(np.ceil((len(others) + 1) * coverage - 1e-9))
        threshold = 1 - others[rank - 1]
        members = {
            each
            for each, share in enumerate(probabilities[row])
            if share >= threshold - 1e-12
        } | {int(probabilities[row].argmax())}
        sizes.append(len(members))
        covered.append(truth[row] in members)
    found = cross_sets(probabilities, truth, coverage=coverage, groups=None)

    assert found is not None
    assert found.sizes.tolist() == sizes
    assert found.covered.tolist() == covered


@pytest.mark.parametrize("seed", range(220, 230))
def test_drift_is_the_chi_square_test_of_scipy_on_joined_cells(seed: int) -> None:
    """Statistic and tail are those of SciPy's test of the table whose rare cells are joined, none of which is lost."""
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(int(generator.integers(3, 30)), 0.5))
    training = generator.multinomial(int(generator.integers(100, 2000)), shares)
    window = generator.multinomial(int(generator.integers(50, 2000)), shares)
    first, second = join_rare(training, window)
    assert (first.sum(), second.sum()) == (training.sum(), window.sum())
    assert 1 <= len(first) <= len(training)
    if len(first) == 1:
        return

    tested = oracle.chi2_contingency([first, second], correction=False)
    found = compare_counts(first, second)
    assert found == pytest.approx(tested.statistic, rel=1e-9)
    assert chi_square_tail(found, degrees=len(first) - 1) == pytest.approx(
        tested.pvalue, abs=1e-4
    )


@pytest.mark.parametrize("seed", range(240, 248))
def test_learnt_rows_are_those_that_are_equal(seed: int) -> None:
    """Rows have one hash where their float32 values are equal, with both zeros and all gaps alike, and no other."""
    generator = np.random.default_rng(seed)
    rows = generator.choice([0.0, -0.0, 1.5, np.nan, 1e-30, 7.0], (300, 3))
    known, asked = hash_rows(rows[:200]), hash_rows(rows[200:])
    keys = [
        tuple(
            "gap" if np.isnan(each) else float(np.float32(each)) + 0.0 for each in row
        )
        for row in rows.tolist()
    ]
    expected = [key in set(keys[:200]) for key in keys[200:]]
    assert np.isin(asked, known).tolist() == expected
    assert len(set(known.tolist())) == len(set(keys[:200]))


@pytest.mark.parametrize(("size", "off"), [*product((1, 3, 10), (0.0, 0.03))])
def test_accuracy_without_labels_holds_the_accuracy(size: int, off: float) -> None:
    """The interval holds the accuracy of groups that are right together in 95 % of 200 samples.

    So it does where confidences are off. Labels that come later contradict calibrated confidences in hardly any sample.
    """
    generator = np.random.default_rng(size)
    held = contradicted = 0
    for _ in range(200):
        each = generator.uniform(0.6, 0.99, 120)
        confidences = np.repeat(each, size)
        members = np.repeat(np.arange(120), size)
        hits = np.repeat(generator.random(120) < each - off, size)
        value, (low, high) = estimate_accuracy(
            confidences, members, ece=off, squared_gap=0.25, n_held_out=500
        )
        assert value == pytest.approx(confidences.mean())
        held += low <= hits.mean() <= high
        contradicted += contradicts(confidences, hits, members)

    assert held >= 184
    if off == 0:
        assert contradicted <= 8


@pytest.mark.parametrize("seed", range(260, 266))
def test_models_that_are_surely_behind_are_not_among_the_best(seed: int) -> None:
    """A model more than six errors of SciPy's paired test behind the leader is not among those that may be the best."""
    trial = make_predictions(
        {"good": 0.95, "near": 0.94, "poor": 0.6}, n_rows=400, seed=seed
    )
    losses = find_row_losses(trial, "log_loss")
    comparison = LossComparison(find_gaps(trial, Criterion(metric="log_loss")))
    best = comparison.find_best()
    lead = int(losses.mean(axis=0).argmin())
    for place in range(3):
        if place != lead:
            statistic = oracle.ttest_rel(losses[:, place], losses[:, lead]).statistic
            if statistic > 6:
                assert place not in best
            if statistic < 1.2:
                assert place in best
    assert lead in best
