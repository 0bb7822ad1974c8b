"""A task's request goes to the model that the policy chooses, and a policy with feedback chooses better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import pytest
from scipy.stats import beta

from model_card import Metric
from service.calls.policy import Champion, Counts, Epsilon, NoOutcomes, Router, Thompson
from service.errors import InvalidRequest, NotFound
from service.models.registry import Registry
from service.settings import Settings
from tests.support.server import Server
from tests.support.tiny_models import tiny_card, write_kind, write_tiny

COUNTS = {"first": (30, 10), "second": (35, 5), "third": (0, 0)}
ROW = [1.0, 2.0]


class Known:
    """Outcomes that stand as feedback would have counted them."""

    def __init__(self, **counts: tuple[int, int]) -> None:
        self._counts = {name.replace("_", "-"): each for name, each in counts.items()}

    def outcomes(self, task: str) -> Counts:
        return self._counts


def shares(
    policy: Any, counts: Counts, generator: np.random.Generator, n: int = 4000
) -> dict[str, float]:
    chosen = Counter(policy.choose(counts, generator) for _ in range(n))
    return {name: chosen[name] / n for name in counts}


def test_the_champion_is_the_first_whatever_is_known(
    generator: np.random.Generator,
) -> None:
    """The champion policy chooses the first model even where another is right more often."""
    assert shares(Champion(), COUNTS, generator)["first"] == 1


def test_thompson_chooses_as_often_as_a_model_is_likely_the_best(
    generator: np.random.Generator,
) -> None:
    """Each model's share equals the integral of its posterior's density times the distributions of the others."""
    grid = np.linspace(0, 1, 20_001)
    posteriors = [beta(1 + right, 1 + wrong) for right, wrong in COUNTS.values()]
    found = shares(Thompson(), COUNTS, generator)

    for number, name in enumerate(COUNTS):
        others = np.prod(
            [
                each.cdf(grid)
                for place, each in enumerate(posteriors)
                if place != number
            ],
            axis=0,
        )
        assert found[name] == pytest.approx(
            np.trapezoid(posteriors[number].pdf(grid) * others, grid), abs=0.025
        )


def test_thompson_tries_all_alike_where_nothing_is_known(
    generator: np.random.Generator,
) -> None:
    """Each posterior is uniform at first, so the shares are equal."""
    found = shares(Thompson(), dict.fromkeys("abcd", (0, 0)), generator)
    assert list(found.values()) == pytest.approx([0.25] * 4, abs=0.03)


def test_epsilon_tries_any_in_its_share_and_else_the_best(
    generator: np.random.Generator,
) -> None:
    """Epsilon's tries are spread over all models, the best one too, and the rest goes to the best."""
    found = shares(Epsilon(0.3), COUNTS, generator)
    assert list(found.values()) == pytest.approx([0.1, 0.8, 0.1], abs=0.03)


def test_epsilon_stays_with_the_champion_where_nothing_is_known(
    generator: np.random.Generator,
) -> None:
    """Of models that are equally good so far epsilon keeps the first."""
    assert shares(Epsilon(0.0), dict.fromkeys("abcd", (0, 0)), generator)["a"] == 1


def accurate(family: str, accuracy: float | None) -> Any:
    return tiny_card(
        family=family,
        metrics={} if accuracy is None else {"accuracy": Metric(value=accuracy)},
    )


def test_the_best_on_held_out_rows_is_the_champion(tmp_path: Path) -> None:
    """The best metric leads; of equals the smaller file is first, what was never measured is last, and a regressor
    stands in where there is no classifier.
    """
    write_tiny(tmp_path, accurate("unmeasured", None))
    write_tiny(tmp_path, accurate("good", 0.9))
    registry = Registry.load(write_tiny(tmp_path, accurate("better", 0.95)).parent)
    assert (
        Router(registry, Settings(), NoOutcomes()).choose("colour") == "colour-better"
    )
    summary = {
        "summary": "A tiny classifier whose card has more to say than those of the others"
    }
    write_tiny(
        tmp_path,
        tiny_card(family="a", metrics={"accuracy": Metric(value=0.95)}, **summary),
    )
    write_kind(tmp_path, "regressor")
    write_kind(tmp_path, "clusterer")
    router = Router(Registry.load(tmp_path), Settings(policy="thompson"), NoOutcomes())
    assert router._ranked["colour"] == [
        "colour-better",
        "colour-a",
        "colour-good",
        "colour-unmeasured",
    ]
    assert router.choose("tiny") == "tiny-regressor"


def test_outcomes_decide_where_the_policy_learns(
    models: Path, generator: np.random.Generator
) -> None:
    """A model with no outcomes counts as neither right nor wrong."""
    outcomes = Known(colour_first=(1, 99), colour_second=(99, 1))
    registry = Registry.load(models)
    chosen = {
        policy: Router(
            registry, Settings(policy=policy, epsilon=0.0), outcomes, rng=generator
        ).choose("colour")
        for policy in ("champion", "thompson", "epsilon")
    }
    assert chosen == {
        "champion": "colour-first",
        "thompson": "colour-second",
        "epsilon": "colour-second",
    }
    one = Router(
        registry,
        Settings(policy="thompson"),
        Known(colour_first=(0, 999)),
        rng=generator,
    )
    assert [one.choose("colour") for _ in range(20)] == ["colour-second"] * 20


def test_a_champion_may_be_named(models: Path) -> None:
    """The champion that a setting names is first whatever its metric, and epsilon starts from it."""
    registry = Registry.load(models)
    champion = {"colour": "colour-second"}
    assert (
        Router(registry, Settings(champion=champion), NoOutcomes()).choose("colour")
        == "colour-second"
    )
    epsilon = Settings(champion=champion, policy="epsilon", epsilon=0.0)
    assert Router(registry, epsilon, NoOutcomes()).choose("colour") == "colour-second"


def test_a_task_without_anything_to_choose_is_told_which_have(tmp_path: Path) -> None:
    """A task of clusterers alone is refused with the tasks that have a choice, since clusterers are neither right nor
    wrong.
    """
    write_kind(tmp_path, "clusterer")
    write_tiny(tmp_path, tiny_card())
    router = Router(Registry.load(tmp_path), Settings(), NoOutcomes())
    known = "tasks with classifiers or regressors: colour"
    with pytest.raises(InvalidRequest) as refused:
        router.choose("tiny")

    assert (
        str(refused.value)
        == f"the task 'tiny' has no classifiers or regressors to choose from; {known}"
    )
    with pytest.raises(NotFound) as unknown:
        router.choose("color")

    assert str(unknown.value) == f"unknown task 'color'; {known}"


def test_a_task_is_answered_by_its_champion_which_is_named(server: Server) -> None:
    """The answer to a task's request names the champion of the shipped models, for classifiers and for a regressor."""
    answer = server.post("/predict", {"task": "wine", "inputs": [[1.0] * 13]}).json()
    assert (
        answer
        == server.post(
            "/predict", {"model": answer["model"], "inputs": [[1.0] * 13]}
        ).json()
    )
    assert answer["model"] == "wine-perceptron"
    assert (
        server.post("/predict", {"task": "diabetes", "inputs": [[1.0] * 10]}).json()[
            "model"
        ]
        == "diabetes-linear"
    )


def test_a_task_takes_a_bound_and_bentomls_client(server: Server) -> None:
    """A task's request takes a bound, and the BentoML method takes a task, as they do for a model."""
    row = server.client.get("/models/breast_cancer-logistic").json()["input"]["example"]
    fields = {"task": "breast_cancer", "inputs": [row], "min_probability": 1.0}
    with bentoml.SyncHTTPClient(server.url) as client:
        answer = client.predict(**fields)

    assert answer == server.post("/predict", fields).json()
    assert answer["predictions"] == [None]


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({}, 400, "missing required field model; this call takes {"),
        (
            {"model": None, "task": None},
            400,
            "missing required field model; this call takes {",
        ),
        (
            {"model": "points-mlp", "task": "points"},
            400,
            "expected model or task, got both; this call takes {",
        ),
        ({"task": 3}, 400, "task: expected str | null, got int; this call takes {"),
        (
            {"task": "point"},
            404,
            "unknown task 'point'; tasks with classifiers or regressors: breast_cancer, cat_or_",
        ),
        (
            {"task": "points", "inputs": [[1]]},
            400,
            "inputs[0]: expected 2 values, one for each feature, got 1; ",
        ),
    ],
)
def test_a_request_names_a_model_or_a_task(
    server: Server, fields: dict[str, object], status: int, message: str
) -> None:
    """A request that names both a model and a task, or neither, is refused."""
    response = server.post("/predict", {"inputs": [ROW]} | fields)
    assert response.status_code == status
    assert response.json()["error"].startswith(message)


def test_a_champion_that_is_not_served_means_not_ready(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """Readiness fails with the models that there are, and requests that name a model are answered."""
    with start_server(
        VEREDICTO_MODELS=models, VEREDICTO_CHAMPION="colour:colour-third"
    ) as server:
        problem = (
            "VEREDICTO_CHAMPION: the task 'colour' has no model 'colour-third' to choose; "
            "it has colour-first, colour-second"
        )
        response = server.client.get("/readyz")
        assert (response.status_code, response.json()["error"]) == (
            503,
            f"not ready: {problem}",
        )
        response = server.post("/predict", {"task": "colour", "inputs": [[1, "red"]]})
        assert (response.status_code, response.json()["error"]) == (404, problem)
        assert (
            server.post(
                "/predict", {"model": "colour-first", "inputs": [[1, "red"]]}
            ).status_code
            == 200
        )


def test_thompson_spreads_a_tasks_requests_where_nothing_is_known(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """Both models answer some of 40 requests for the task; that all go to one has a chance of 2 in 2^40."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_POLICY="thompson") as server:
        answers = [
            server.post("/predict", {"task": "colour", "inputs": [[1, "red"]]}).json()
            for _ in range(40)
        ]
        assert {each["model"] for each in answers} == {"colour-first", "colour-second"}
