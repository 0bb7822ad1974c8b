"""The course's own mathematics, which runs in the browser, gives what NumPy, scikit-learn, SciPy and PyTorch give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from scipy.signal import correlate2d
from scipy.stats import binomtest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import (
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from tests.support.browser import open_page, start_browser
from tests.support.course import compute
from tests.support.server import Server

RANDOM = np.random.default_rng(7)
ROWS = RANDOM.normal(size=(60, 2))
LABELS = (ROWS[:, 0] + 0.6 * RANDOM.normal(size=60) > 0).astype(int)
ASKED = RANDOM.normal(size=(25, 2))
CLOSE = 1e-9


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Returns the one browser of all tests of the mathematics."""
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def page(server: Server, browser: Browser) -> Iterator[Page]:
    """The index of the course is open, from which modules are imported."""
    with open_page(browser, f"{server.url}/course", bench=".cards li") as opened:
        yield opened


def test_a_descent_takes_the_path_that_numpy_takes(page: Page) -> None:
    """Thirty steps on the mean squared error are the same, and the least squares are scikit-learn's."""
    xs, ys = ROWS[:, 0], ROWS[:, 1]
    given = [xs.tolist(), ys.tolist()]
    found = compute(
        page,
        "maths/line.js",
        """[m.descend({ weight: 1, bias: -1 }, ...given, 0.3, 30).map((each) => [each.weight, each.bias]),
        m.fitLine(...given)]""",
        given,
    )

    weight, bias, path = 1.0, -1.0, []
    for _ in range(31):
        path.append([weight, bias])
        residuals = weight * xs + bias - ys
        weight -= 0.3 * float(np.mean(2 * residuals * xs))
        bias -= 0.3 * float(np.mean(2 * residuals))
    fitted = LinearRegression().fit(xs[:, None], ys)

    assert np.allclose(found[0], path, rtol=0, atol=CLOSE)
    assert found[1]["weight"] == pytest.approx(fitted.coef_[0], abs=CLOSE)
    assert found[1]["bias"] == pytest.approx(fitted.intercept_, abs=CLOSE)


@pytest.mark.parametrize("distance", ["euclidean", "manhattan", "hamming"])
@pytest.mark.parametrize("k", [1, 5, 30])
def test_neighbours_vote_as_those_of_scikit_learn(
    page: Page, *, distance: str, k: int
) -> None:
    """Each row asked has the same share of votes, by each distance; rows as near are few among rounded ones."""
    rows, asked = ROWS, ASKED
    if distance == "hamming":
        rows = np.round(RANDOM.normal(size=(60, 12)))
        asked = np.round(RANDOM.normal(size=(25, 12)))
    found = compute(
        page,
        "maths/neighbours.js",
        "given[2].map((row) => m.voteNearest(given[0], given[1], row, given[3], given[4]))",
        [rows.tolist(), LABELS.tolist(), asked.tolist(), k, distance],
    )

    known = KNeighborsClassifier(k, metric=distance, algorithm="brute")
    expected = known.fit(rows, LABELS).predict_proba(asked)[:, 1]
    if distance != "hamming":
        assert np.allclose(found, expected, atol=CLOSE)
        return
    far = known.kneighbors(asked, len(rows))[0]
    has_no_tie = far[:, k - 1] < far[:, k] - CLOSE
    assert np.allclose(np.array(found)[has_no_tie], expected[has_no_tie])


def test_groups_end_where_those_of_scikit_learn_end(page: Page) -> None:
    """K-means ends at the centres and the inertia of scikit-learn's, begun from the same centres."""
    centres = ROWS[:4].tolist()
    found = compute(
        page,
        "maths/kmeans.js",
        """(() => { let centres = given[1];
        for (let n = 0; n < 100; n++) centres = m.moveCentres(given[0], m.assign(given[0], centres), centres);
        return [centres, m.measureInertia(given[0], m.assign(given[0], centres), centres)]; })()""",
        [ROWS.tolist(), centres],
    )

    known = KMeans(4, init=np.array(centres), n_init=1, tol=0, max_iter=100).fit(ROWS)
    assert np.allclose(found[0], known.cluster_centers_, atol=CLOSE)
    assert found[1] == pytest.approx(known.inertia_, abs=1e-7)


def test_components_are_those_of_scikit_learn(page: Page) -> None:
    """Directions, variances and restored rows agree, but for a sign."""
    rows = RANDOM.normal(size=(80, 10)) @ RANDOM.normal(size=(10, 10))
    found = compute(
        page,
        "maths/components.js",
        """(() => { const found = m.findComponents(given, 3);
        const codes = m.project(given[0], found.mean, found.components);
        return [found.components, found.variances, m.restore(codes, found.mean, found.components)]; })()""",
        rows.tolist(),
    )

    known = PCA(3, svd_solver="full").fit(rows)
    signs = np.sign((np.array(found[0]) * known.components_).sum(axis=1))
    assert np.allclose(np.array(found[0]) * signs[:, None], known.components_)
    assert np.allclose(found[1], known.explained_variance_)
    restored = known.inverse_transform(known.transform(rows[:1]))[0]
    assert np.allclose(found[2], restored)


def test_naive_bayes_is_that_of_scikit_learn(page: Page) -> None:
    """The probability of class 1 of each row is the same."""
    found = compute(
        page,
        "maths/bayes.js",
        "given[2].map((row) => m.weigh(m.learnBayes(given[0], given[1], 2), row)[1].posterior)",
        [ROWS.tolist(), LABELS.tolist(), ASKED.tolist()],
    )

    known = GaussianNB(var_smoothing=0).fit(ROWS, LABELS)
    assert np.allclose(found, known.predict_proba(ASKED)[:, 1], atol=CLOSE)


@pytest.mark.parametrize("depth", [1, 2, 10])
def test_a_tree_is_that_of_scikit_learn(page: Page, *, depth: int) -> None:
    """The tree's leaves have the same shares as scikit-learn's for the rows that it has grown from."""
    found = compute(
        page,
        "maths/tree.js",
        """(() => { const tree = m.growTree(given[0], given[1], { maxDepth: given[2] });
        return given[0].map((row) => m.findPath(tree, row).at(-1).share); })()""",
        [ROWS.tolist(), LABELS.tolist(), depth],
    )

    known = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(ROWS, LABELS)
    assert np.allclose(found, known.predict_proba(ROWS)[:, 1], atol=CLOSE)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid"])
def test_gradients_of_a_network_are_those_of_pytorch(
    page: Page, *, activation: str
) -> None:
    """Back-propagation through two hidden layers gives each weight the derivative that autograd gives it."""
    sizes = (2, 5, 3, 1)
    layers = [
        {
            "weights": RANDOM.normal(size=(n, before)).tolist(),
            "biases": RANDOM.normal(size=n).tolist(),
        }
        for before, n in pairwise(sizes)
    ]
    found = compute(
        page,
        "maths/network.js",
        "m.findGradients({ layers: given[0], activation: given[1] }, given[2], given[3], { l1: 0.01, l2: 0.02 })",
        [layers, activation, ROWS.tolist(), LABELS.tolist()],
    )

    expected = differentiate(layers, activation)
    for own, other in zip(found, expected, strict=True):
        assert np.allclose(own["weights"], other[0], atol=CLOSE)
        assert np.allclose(own["biases"], other[1], atol=CLOSE)


def differentiate(layers: list[dict[str, Any]], activation: str) -> list[Any]:
    """Returns the derivatives of the mean log loss with its penalties, layer by layer, by autograd."""
    bends: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "relu": torch.relu,
        "leaky_relu": torch.nn.LeakyReLU(0.01),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
    }
    weights = [torch.tensor(each["weights"], dtype=torch.float64) for each in layers]
    biases = [torch.tensor(each["biases"], dtype=torch.float64) for each in layers]
    for each in (*weights, *biases):
        each.requires_grad_()

    values = torch.tensor(ROWS)
    for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        values = values @ weight.T + bias
        if depth < len(layers) - 1:
            values = bends[activation](values)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        values[:, 0], torch.tensor(LABELS, dtype=torch.float64)
    )
    penalty = sum(0.01 * each.abs().sum() + 0.02 * (each**2).sum() for each in weights)
    (loss + penalty).backward()  # type: ignore[no-untyped-call]

    return [
        (weight.grad.numpy(), bias.grad.numpy())  # type: ignore[union-attr]
        for weight, bias in zip(weights, biases, strict=True)
    ]


def test_a_penalty_makes_weights_zero_and_they_stay(page: Page) -> None:
    """L1 alone empties a network that has nothing to learn."""
    n_left = compute(
        page,
        "maths/network.js",
        """await (async () => { const { makeRandom } = await import(new URL("maths/random.js", page));
        const network = m.makeNetwork([2, 4, 1], "tanh", makeRandom(1));
        const options = { rate: 0.1, batch: 10, l1: 0.1, l2: 0 };
        for (let n = 0; n < 200; n++) m.trainEpoch(network, given[0], given[1], options, makeRandom(n));
        return network.layers.flatMap((each) => each.weights.flat()).filter((each) => each !== 0).length; })()""",
        [ROWS.tolist(), [index % 2 for index in range(len(ROWS))]],
    )
    assert n_left == 0


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1)])
def test_a_convolution_is_that_of_scipy(
    page: Page, *, stride: int, padding: int
) -> None:
    """A filter over a picture gives the same numbers, at each stride and padding; pooling keeps the largest."""
    picture, kernel = RANDOM.normal(size=(8, 8)), RANDOM.normal(size=(3, 3))
    found = compute(
        page,
        "maths/convolution.js",
        "[m.convolve(given[0], given[1], given[2]).values, m.pool(given[0]).values]",
        [
            picture.ravel().tolist(),
            kernel.ravel().tolist(),
            {"stride": stride, "padding": padding},
        ],
    )

    padded = np.pad(picture, padding)
    expected = correlate2d(padded, kernel, mode="valid")[::stride, ::stride]
    assert np.allclose(found[0], expected.ravel(), atol=CLOSE)
    pooled = picture.reshape(4, 2, 4, 2).max(axis=(1, 3))
    assert np.allclose(found[1], pooled.ravel())


def test_figures_are_those_of_scikit_learn(page: Page) -> None:
    """Precision, recall, F1 and the area under the curve are the same, with scores that are equal too."""
    scores = np.round(RANDOM.random(60), 1)
    found = compute(
        page,
        "maths/metrics.js",
        "[m.measure(m.countAnswers(given[0], given[1], 0.45)), m.traceRoc(given[0], given[1]).area]",
        [scores.tolist(), LABELS.tolist()],
    )

    said = (scores >= 0.45).astype(int)
    assert found[0]["precision"] == pytest.approx(precision_score(LABELS, said))
    assert found[0]["recall"] == pytest.approx(recall_score(LABELS, said))
    assert found[0]["f1"] == pytest.approx(f1_score(LABELS, said))
    assert found[1] == pytest.approx(roc_auc_score(LABELS, scores))


@pytest.mark.parametrize(("a", "b"), [(8, 2), (0, 0), (30, 12), (1, 60)])
def test_the_test_of_a_pair_is_exact(page: Page, *, a: int, b: int) -> None:
    """McNemar's p-value is that of SciPy's binomial test."""
    found = compute(page, "maths/metrics.js", "m.testPair(...given)", [a, b])
    expected = binomtest(a, a + b).pvalue if a + b else 1.0
    assert found == pytest.approx(expected, abs=1e-12)


def test_chance_has_the_right_distribution(page: Page) -> None:
    """Means of normal and beta numbers are where they should be, and a seed gives the same ones again."""
    found = compute(
        page,
        "maths/random.js",
        """(() => { const random = m.makeRandom(5); const all = Array.from({ length: 20000 });
        return [all.map(() => m.drawNormal(random)), all.map(() => m.drawBeta(3, 7, random)),
        m.shuffle(50, m.makeRandom(1)), m.shuffle(50, m.makeRandom(1))]; })()""",
    )

    normal, beta, first, again = map(np.array, found)
    assert abs(normal.mean()) < 0.03
    assert normal.std() == pytest.approx(1, abs=0.03)
    assert beta.mean() == pytest.approx(0.3, abs=0.01)
    assert (first == again).all()
    assert sorted(first) == list(range(50))


def test_rows_are_dealt_once_each(page: Page) -> None:
    """Piles and folds hold every row once, and sizes are what was asked for."""
    piles, folds = compute(
        page,
        "maths/splits.js",
        """await (async () => { const { makeRandom } = await import(new URL("maths/random.js", page));
        const piles = m.dealPiles(103, { validation: 0.2, test: 0.3 }, makeRandom(1));
        return [piles, m.dealFolds(103, 5, makeRandom(1))]; })()""",
    )

    assert [len(piles[name]) for name in ("test", "validation")] == [31, 21]
    assert sorted(chain.from_iterable(piles.values())) == list(range(103))
    assert sorted(chain.from_iterable(folds)) == list(range(103))
    assert {len(fold) for fold in folds} == {20, 21}


def test_a_picture_is_mirrored_moved_and_hidden(page: Page) -> None:
    """The pixels become those that NumPy makes of them."""
    picture = RANDOM.random((8, 8, 3))
    found = compute(
        page,
        "maths/pixels.js",
        """(() => { const pixels = { side: 8, values: Float64Array.from(given) };
        const changed = [m.mirror(pixels), m.shift(pixels, 2, -1), m.cutOut(pixels, 3, 1, 2)];
        return changed.map((each) => [...each.values]); })()""",
        picture.ravel().tolist(),
    )

    moved = np.zeros_like(picture)
    moved[:7, 2:] = picture[1:, :6]
    hidden = picture.copy()
    hidden[1:4, 2:5] = 0
    for own, expected in zip(found, (picture[:, ::-1], moved, hidden), strict=True):
        assert np.allclose(own, expected.ravel())
