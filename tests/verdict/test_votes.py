"""A model that votes has labels and no probabilities: it is judged by those, and left out where probabilities are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import evidence, verification
from evaluation.gate import Gate
from evaluation.report import page
from row_records import HeldOut, write_held_out
from scoring import summary
from scoring import verdict as scoring_verdict
from service.calls.held_out_verdict import judge_held_out
from service.errors import EvaluationError, InvalidRequest
from service.live import challenger_tests, promotion
from service.live.challengers import ShadowDeployment
from service.live.champion_log import History
from service.live.comparison import EMPTY_WINDOW
from service.live.hard_voters import find_voters
from service.live.journal.challenger_counts import MEAN_SCALE
from service.live.journal.reading.window import GroupCounts, ModelVersion, PairCounts
from service.live.promotion import PromotionMetric
from service.models.model import Model
from service.models.registry import Registry
from stats.scores import A_VOTE, NO_PROBABILITIES, is_vote, score
from tests.support.made_predictions import make_predictions
from tests.support.tiny_models import tiny_card, write_tiny
from verdict.by_criterion import NoProbabilities, judge_by
from verdict.criterion import Criterion
from verdict.criterion_sentences import write_by
from verdict.predictions import Predictions

COSTS = ((0.0, 1.0), (5.0, 0.0))
N_ROWS = 200
BETTER = {MEAN_SCALE: 300}
"""The means of groups of which the challenger is right in each, and the champion in none."""


def make_voter(trial: Predictions, *places: int) -> Predictions:
    """Returns the trial in which the models at these places give each label the probability 1."""
    answers = [
        replace(each, probabilities=np.eye(len(trial.classes))[each.label])
        if place in places
        else each
        for place, each in enumerate(trial.answers)
    ]
    return replace(trial, answers=answers)


TRIAL = make_voter(make_predictions({"voter": 1.0, "good": 0.9, "poor": 0.7}), 0)
"""The voter is never wrong, so that its Brier score would be 0 and lead."""


def test_a_metric_of_a_votes_probabilities_says_so() -> None:
    """Log loss, Brier score, calibration error and the area have no interval and a reason; metrics of labels stay."""
    voter = TRIAL.answers[0]
    found = score(voter.probabilities, voter.label, TRIAL.truth)
    for name in ("log_loss", "brier", "ece", "roc_auc"):
        value = float(name == "roc_auc")
        assert found[name]["value"] == pytest.approx(value, abs=1e-12)
        assert found[name]["interval"] is None
        assert found[name]["reason"] == NO_PROBABILITIES
    assert found["accuracy"]["value"] == found["macro_f1"]["value"] == 1.0


def test_one_answer_that_is_less_than_sure_is_no_vote() -> None:
    """A model with one probability under 1 among its answers is judged by all of them."""
    votes = np.eye(2)[TRIAL.answers[0].label]
    assert is_vote(votes)
    votes[7] = 0.5
    assert not is_vote(votes)


@pytest.mark.parametrize("metric", ["brier", "log_loss"])
def test_a_vote_has_no_place_by_a_metric_of_probabilities(metric: str) -> None:
    """The others are judged as if it were not there, and the words say who is left out and why."""
    criterion = Criterion(metric=metric)
    numbers = judge_by(TRIAL, criterion)
    alone = judge_by(replace(TRIAL, answers=TRIAL.answers[1:]), criterion)
    reason = A_VOTE
    assert numbers["left_out"] == {"task-voter": reason}
    assert numbers | {"left_out": {}} == alone
    assert numbers["leader"] == "task-good"

    said = write_by(numbers, TRIAL, criterion)
    assert said["headline"].startswith(f"good is the best by {criterion.name}: ")
    assert said["findings"][0] == (
        "voter votes here: each answer has a probability of 1, which says nothing of how sure it is, so that it has no "
        f"{criterion.name} and no place by it."
    )


def test_labels_and_costs_of_a_vote_are_judged() -> None:
    """A vote is compared like any other model by balanced accuracy and by costs, without a threshold of its own."""
    by_recall = judge_by(TRIAL, Criterion(metric="balanced_accuracy"))
    by_cost = judge_by(TRIAL, Criterion(metric="cost", costs=COSTS))
    assert by_recall["leader"] == by_cost["leader"] == "task-voter"
    assert by_recall["left_out"] == by_cost["left_out"] == {}
    assert [each["chosen"] is None for each in by_cost["models"]] == [
        True,
        False,
        False,
    ]


def test_where_all_vote_there_is_no_verdict_by_probabilities() -> None:
    """The error says that nobody gives probabilities; a lone model that does is not called the only classifier."""
    criterion = Criterion(metric="log_loss")
    with pytest.raises(NoProbabilities, match="no classifier of task gives"):
        judge_by(make_voter(TRIAL, 0, 1, 2), criterion)
    with pytest.raises(EvaluationError, match=r"^by: no classifier of task gives"):
        evidence.conclude(
            make_voter(TRIAL, 0, 1, 2), risk=0.01, gates=[], criterion=criterion
        )

    two_vote = make_voter(TRIAL, 0, 2)
    said = write_by(judge_by(two_vote, criterion), two_vote, criterion)
    assert (
        "It is the only classifier of task that gives probabilities here: "
        in said["headline"]
    )
    assert said["findings"][0].startswith("voter and poor vote here: ")


def test_a_claim_about_a_vote_by_a_loss_is_refused() -> None:
    """A gate by log loss that names a vote is refused with the reason, and one about two others is checked."""
    names = [each.model for each in TRIAL.answers]
    criterion = Criterion(metric="log_loss")
    claim = "voter better than good by 0"
    gate = Gate.parse(claim, task="task", models=names, criterion=criterion)
    with pytest.raises(EvaluationError, match="--gate: task-voter has no log loss"):
        gate.check(TRIAL)

    claim = "good better than poor by 0"
    assert Gate.parse(claim, task="task", models=names, criterion=criterion).check(
        TRIAL
    )["shown"]


def test_a_report_with_a_vote_shows_none_of_its_probabilities() -> None:
    """Page and evidence are made, followed again without a difference, and have no figure of probabilities for it."""
    gathered = evidence.gather(
        TRIAL, risk=0.01, gates=[], software={}, criterion=Criterion(metric="brier")
    )
    shown = page.render(gathered, {})
    assert verification.verify(gathered) == []
    (voter, *_) = gathered["numbers"]["models"]
    assert voter["votes"]
    assert (voter["brier_parts"], voter["calibrated_ece"], voter["roc"]) == (
        None,
        None,
        [],
    )
    assert "voter votes: each of its answers has a probability of 1" in shown
    assert shown.count("no probabilities") == 1
    assert len(gathered["by"]["numbers"]["models"]) == 2


def test_scores_of_a_vote_over_blocks_are_those_of_a_report() -> None:
    """A verdict from summaries has no metric of a vote's probabilities either, and its line says that it votes."""
    names = [each.model for each in TRIAL.answers]
    probabilities = [each.probabilities for each in TRIAL.answers]
    counted = summary.Summary.of(TRIAL.labels, TRIAL.truth, probabilities)
    numbers = scoring_verdict.judge(counted, names=names, classes=TRIAL.classes)
    for name in ("log_loss", "brier", "ece"):
        assert numbers["models"][0]["metrics"][name]["reason"] == NO_PROBABILITIES
    lines = scoring_verdict.write_sentences(numbers)
    assert (
        lines[1]
        == "  task-voter: accuracy 100.00 % (98.74 % to 100.00 %), no probabilities, votes"
    )


def keep(n_right: int, sure: float) -> dict[str, str]:
    """Returns the record of a model that is right on the first rows, and as sure of each answer."""
    truth = np.arange(N_ROWS) % 2
    labels = np.where(np.arange(N_ROWS) < n_right, truth, 1 - truth)
    probabilities = np.where(np.eye(2)[labels] == 1, sure, 1 - sure)
    return write_held_out(
        HeldOut(
            rows="sha256:" + "a" * 64,
            truth=truth,
            labels=labels,
            probabilities=probabilities,
        )
    )


@pytest.fixture
def models(tmp_path: Path) -> list[Model]:
    """Returns a voter, which is right most often, and two models with probabilities."""
    kept = {"first": keep(199, 1.0), "second": keep(180, 0.9), "third": keep(150, 0.8)}
    for number, (family, record) in enumerate(kept.items()):
        write_tiny(
            tmp_path, tiny_card(family=family), sign=1.0 + number, records=record
        )
    return Registry.load(tmp_path).task("colour")


def test_the_verdict_of_files_leaves_votes_out(models: list[Model]) -> None:
    """The verdict by Brier score is on the other two, that in accuracy has all; of votes alone there is none."""
    found: Any = judge_held_out(models, by="brier")
    assert found["numbers_by"]["leader"] == "colour-second"
    assert list(found["numbers_by"]["left_out"]) == ["colour-first"]
    assert found["numbers"]["leader"] == "colour-first"
    with pytest.raises(InvalidRequest, match=r"^by: no classifier of colour gives"):
        judge_held_out(models[:1], by="brier")


@pytest.mark.parametrize(("by", "is_tested"), [("brier", False), ("accuracy", True)])
def test_a_vote_is_not_promoted_by_a_metric_of_probabilities(
    models: list[Model], by: str, *, is_tested: bool
) -> None:
    """A voter's gains by Brier score make it no champion; that it is right more often does."""
    voter, champion, other = models
    deployment = ShadowDeployment(champion=champion, challengers=[voter, other])
    first, second = (
        ModelVersion(each.name, each.version) for each in (champion, voter)
    )
    pair = PairCounts(first, second, (300, 0, 0), BETTER, 0.01)
    counts = GroupCounts([pair], {}, {"brier": {(first, second): BETTER}})
    act = promotion.decide(deployment, counts, History(), 0.02, PromotionMetric(by))

    assert (act is not None) == is_tested
    assert find_voters((champion, voter), by) == ([] if is_tested else [voter.name])


@pytest.mark.parametrize("by", ["brier", "log_loss", "accuracy"])
def test_a_live_test_of_a_vote_has_no_difference_by_a_loss(
    models: list[Model], by: str
) -> None:
    """A pair with a voter has no difference by a loss, whatever the journal counted, and the reason names it."""
    voter, champion, other = models
    deployment = ShadowDeployment(champion=champion, challengers=[voter, other])
    keys = [ModelVersion(each.name, each.version) for each in (champion, voter, other)]
    pairs = [PairCounts(keys[0], each, (300, 0, 0), BETTER, 0.01) for each in keys[1:]]
    counted = {(keys[0], each): BETTER for each in keys[1:]}
    window = replace(EMPTY_WINDOW, pairs=pairs, gains={by: counted})
    of_voter, of_other = challenger_tests.describe(deployment, window, by)

    assert of_other["verdict"] == "challenger better"
    if by == "accuracy":
        assert of_voter["verdict"] == "challenger better"
        return
    assert of_voter["reason"] == (
        "colour-first votes: each answer to held-out rows has a probability of 1, so that only labels can be compared"
    )
    assert (of_voter["groups"], of_voter["difference"]) == (0, None)
    assert of_voter["verdict"] == "not shown yet"
