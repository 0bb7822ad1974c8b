"""A task's request goes to the model that the policy chooses, and a policy with feedback chooses better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
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
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_kind, write_tiny

COUNTS = {"first": (30, 10), "second": (35, 5), "third": (0, 0)}
ROW = [1.0, 2.0]
KNOWN_TASKS = "tasks with classifiers or regressors: colour"
NO_CHAMPION = (
    "VEREDICTO_CHAMPION: the task 'colour' has no model 'colour-third' to choose; "
    "it has colour-first, colour-second"
)


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
    """Epsilon keeps the first of models that are equally good so far."""
    assert shares(Epsilon(0.0), dict.fromkeys("abcd", (0, 0)), generator)["a"] == 1


def accurate(family: str, accuracy: float | None) -> Any:
    return tiny_card(
        family=family,
        metrics={} if accuracy is None else {"accuracy": Metric(value=accuracy)},
    )


def test_the_best_on_held_out_rows_is_the_champion(tmp_path: Path) -> None:
    """The model with the best metric on held-out rows is the champion of its task."""
    write_tiny(tmp_path, accurate("unmeasured", None))
    write_tiny(tmp_path, accurate("good", 0.9))
    write_tiny(tmp_path, accurate("better", 0.95))

    router = Router(Registry.load(tmp_path), Settings(), NoOutcomes())

    assert router.choose("colour") == "colour-better"


def test_of_equal_models_the_smaller_file_is_first(tmp_path: Path) -> None:
    """Models are ranked by their metric, then by the size of their files, and what was never measured is last."""
    write_tiny(tmp_path, accurate("unmeasured", None))
    write_tiny(tmp_path, accurate("good", 0.9))
    write_tiny(tmp_path, accurate("better", 0.95))
    summary = "A tiny classifier whose card has more to say than those of the others"
    write_tiny(tmp_path, replace(accurate("a", 0.95), summary=summary))

    router = Router(Registry.load(tmp_path), Settings(policy="thompson"), NoOutcomes())

    assert router._ranked["colour"] == [
        "colour-better",
        "colour-a",
        "colour-good",
        "colour-unmeasured",
    ]


def test_a_regressor_is_chosen_where_there_is_no_classifier(tmp_path: Path) -> None:
    """A task of a regressor and a clusterer is answered by the regressor."""
    write_kind(tmp_path, "regressor")
    write_kind(tmp_path, "clusterer")

    router = Router(Registry.load(tmp_path), Settings(policy="thompson"), NoOutcomes())

    assert router.choose("tiny") == "tiny-regressor"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("champion", "colour-first"),
        ("thompson", "colour-second"),
        ("epsilon", "colour-second"),
    ],
)
def test_outcomes_decide_where_the_policy_learns(
    models: Path, generator: np.random.Generator, policy: Any, expected: str
) -> None:
    """Thompson and epsilon choose the model that was right most often, and the champion policy does not."""
    outcomes = Known(colour_first=(1, 99), colour_second=(99, 1))
    settings = Settings(policy=policy, epsilon=0.0)

    router = Router(Registry.load(models), settings, outcomes, rng=generator)

    assert router.choose("colour") == expected


def test_a_model_without_outcomes_is_tried_before_a_bad_one(
    models: Path, generator: np.random.Generator
) -> None:
    """A model with no outcomes counts as neither right nor wrong, so it beats one that is always wrong."""
    outcomes = Known(colour_first=(0, 999))
    settings = Settings(policy="thompson")

    router = Router(Registry.load(models), settings, outcomes, rng=generator)

    assert [router.choose("colour") for _ in range(20)] == ["colour-second"] * 20


@pytest.mark.parametrize("policy", ["champion", "epsilon"])
def test_a_champion_may_be_named(models: Path, policy: Any) -> None:
    """The champion that a setting names is first whatever its metric, and epsilon starts from it."""
    champion = {"colour": "colour-second"}
    settings = Settings(champion=champion, policy=policy, epsilon=0.0)

    router = Router(Registry.load(models), settings, NoOutcomes())

    assert router.choose("colour") == "colour-second"


@pytest.fixture
def router(tmp_path: Path) -> Router:
    """The router has a task `tiny` of a clusterer alone and a task `colour` of a classifier."""
    write_kind(tmp_path, "clusterer")
    write_tiny(tmp_path, tiny_card())
    return Router(Registry.load(tmp_path), Settings(), NoOutcomes())


def test_a_champion_that_was_made_goes_before_one_that_is_gone(models: Path) -> None:
    """Whoever was promoted answers for the task, though the champion that was set is served no longer."""
    settings = Settings(shadow={"colour": "colour-third"})
    router = Router(
        Registry.load(models),
        settings,
        NoOutcomes(),
        champions={"colour": "colour-second"},
    )

    assert router.problems == {}
    assert router.choose("colour") == "colour-second"


def test_a_champion_that_is_gone_is_told_by_its_setting(models: Path) -> None:
    """The words name the setting that names the champion, which is the one to be mended."""
    settings = Settings(shadow={"colour": "colour-third"})
    router = Router(Registry.load(models), settings, NoOutcomes())

    with pytest.raises(NotFound, match=r"^VEREDICTO_SHADOW: the task 'colour' has no"):
        router.choose("colour")


def test_a_task_without_anything_to_choose_is_told_which_have(router: Router) -> None:
    """A task of clusterers alone is refused with the tasks that have a choice, since clusterers are neither right nor
    wrong.
    """
    with pytest.raises(InvalidRequest) as refused:
        router.choose("tiny")

    assert (
        str(refused.value)
        == f"the task 'tiny' has no classifiers or regressors to choose from; {KNOWN_TASKS}"
    )


def test_an_unknown_task_is_told_which_have_a_choice(router: Router) -> None:
    """An unknown task raises NotFound with the tasks that have a choice."""
    with pytest.raises(NotFound) as unknown:
        router.choose("color")

    assert (
        str(unknown.value)
        == f"unknown task 'color' (did you mean 'colour'?); {KNOWN_TASKS}"
    )


@pytest.mark.parametrize(
    ("task", "n_features", "champion"),
    [("wine", 13, "wine-perceptron"), ("diabetes", 10, "diabetes-linear")],
)
def test_a_task_is_answered_by_its_champion_which_is_named(
    server: Server, task: str, n_features: int, champion: str
) -> None:
    """The answer to a task's request is that of its champion and names it, for a classifier and a regressor."""
    inputs = [[1.0] * n_features]

    answer = server.post("/predict", {"task": task, "inputs": inputs}).json()

    expected = server.post("/predict", {"model": champion, "inputs": inputs}).json()

    assert answer["model"] == champion
    assert answer == expected


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
            "unknown task 'point' (did you mean 'points'?); tasks with classifiers or regressors: breast_cancer, ",
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


@pytest.fixture(scope="module")
def without_champion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has two tiny models, and a champion that is neither."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny(folder, tiny_card(family="first"))
    write_tiny(folder, tiny_card(family="second"), sign=-1.0)

    with serve(
        tmp_path_factory.mktemp("home"),
        VEREDICTO_MODELS=folder,
        VEREDICTO_CHAMPION="colour:colour-third",
    ) as running:
        yield running


def test_a_champion_that_is_not_served_means_not_ready(
    without_champion: Server,
) -> None:
    """Readiness and the log name the setting and the models that there are to choose."""
    response = without_champion.client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["error"] == f"not ready: {NO_CHAMPION}"
    assert NO_CHAMPION in without_champion.log.read_text()


def test_a_task_whose_champion_is_not_served_is_not_found(
    without_champion: Server,
) -> None:
    """A request that names the task is refused with the setting and the models that there are to choose."""
    request = {"task": "colour", "inputs": [[1, "red"]]}

    response = without_champion.post("/predict", request)

    assert response.status_code == 404
    assert response.json()["error"] == NO_CHAMPION


def test_a_model_is_answered_whose_champion_is_not_served(
    without_champion: Server,
) -> None:
    """A request that names a model is answered though the task's champion is not served."""
    request = {"model": "colour-first", "inputs": [[1, "red"]]}

    assert without_champion.post("/predict", request).status_code == 200


def test_thompson_spreads_a_tasks_requests_where_nothing_is_known(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """The task's two models each answer some of 40 requests; that all go to one has a chance of 2 in 2^40."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_POLICY="thompson") as server:
        answers = [
            server.post("/predict", {"task": "colour", "inputs": [[1, "red"]]}).json()
            for _ in range(40)
        ]
        assert {each["model"] for each in answers} == {"colour-first", "colour-second"}
