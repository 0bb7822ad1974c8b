"""k-means, components, autoencoder and adversaries agree with scikit-learn where it has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from service.models.model import Model
from training.arguments.parser import build_parser
from training.arguments.run import make_training_run
from training.data import datasets
from training.families.gan import FittedGan
from training.learning.family import FittedModel, TrainingError
from training.pipeline import TrainedModel, train

EXPORTED_MODELS = Path(__file__).resolve().parents[3] / "exported_models"


def fit(*words: str) -> tuple[FittedModel, datasets.Dataset, datasets.Split]:
    training_run = make_training_run(build_parser().parse_args(words))
    rows = datasets.split(
        training_run.dataset,
        seed=0,
        needs_validation=training_run.family.NEEDS_VALIDATION,
    )
    return (
        training_run.family.fit(
            training_run.dataset, rows, training_run.options, lambda _: None
        ),
        training_run.dataset,
        rows,
    )


def shipped(name: str) -> Model:
    model = Model.load(EXPORTED_MODELS / f"{name}.onnx")
    assert model is not None
    return model


@pytest.mark.parametrize("task", ["wine", "digits"])
def test_clusters_are_those_of_scikit_learn(task: str) -> None:
    """Clusters and distances are scikit-learn's, on standardised features and on pixels as they are."""
    fitted, dataset, rows = fit("kmeans", "--task", task, "--clusters", "6")
    train, held_out = (
        dataset.features[part].astype(np.float64)
        for part in (rows.train, rows.held_out)
    )
    scaler = StandardScaler(with_std=dataset.image_shape is None).fit(train)
    oracle = KMeans(6, n_init=10, random_state=0).fit(
        scaler.transform(train).astype(np.float32)
    )
    outputs = fitted.outputs(dataset.features[rows.held_out])

    assert np.array_equal(
        outputs["cluster"],
        oracle.predict(scaler.transform(held_out).astype(np.float32)),
    )
    assert np.allclose(
        outputs["distances"], oracle.transform(scaler.transform(held_out)), atol=1e-3
    )


@pytest.mark.parametrize("task", ["wine", "digits"])
def test_components_are_those_of_scikit_learn(task: str) -> None:
    """Codes and reconstructions are scikit-learn's."""
    fitted, dataset, rows = fit("pca", "--task", task, "--components", "5")
    train, held_out = (
        dataset.features[part].astype(np.float64)
        for part in (rows.train, rows.held_out)
    )
    scaler = StandardScaler(with_std=dataset.image_shape is None).fit(train)
    oracle = PCA(5).fit(scaler.transform(train))
    codes = oracle.transform(scaler.transform(held_out))
    outputs = fitted.outputs(dataset.features[rows.held_out])

    assert np.allclose(outputs["codes"], codes, atol=1e-4)
    restored = scaler.inverse_transform(oracle.inverse_transform(codes))
    assert np.allclose(outputs["reconstruction"], restored, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("kmeans", "--task", "wine", "--clusters", "200"),
            "--clusters 200: there are only 142 training rows",
        ),
        (
            ("pca", "--task", "wine", "--components", "14"),
            "--components 14: these rows have at most 13",
        ),
        (("gan", "--task", "wine"), "gan: the task 'wine' is not one of images"),
        (
            ("gan", "--task", "digits", "--batch-size", "5000"),
            "--batch-size 5000: there are only 1437 training rows",
        ),
    ],
)
def test_what_cannot_be_learnt_is_said(words: tuple[str, ...], message: str) -> None:
    """The error holds the number that is in the way."""
    with pytest.raises(TrainingError) as refused:
        fit(*words)
    assert str(refused.value) == message


def test_the_shipped_autoencoder_restores_better_than_components() -> None:
    """The autoencoder restores held-out rows better than components at the same size of code."""
    digits = datasets.load("digits")
    features = digits.features[datasets.split(digits, seed=0).held_out]
    errors = []
    sizes = []

    for name in ("digits-autoencoder", "digits-pca"):
        codes, reconstruction = shipped(name).run(features)
        sizes.append(codes.shape[1])
        errors.append(((reconstruction - features) ** 2).mean())

    assert sizes == [8, 8]
    assert errors[0] < 0.6 * errors[1]


def test_an_autoencoder_is_for_tables_too() -> None:
    """The reconstruction of a table is in the features' own units."""
    fitted, dataset, rows = fit(
        "autoencoder", "--task", "wine", "--components", "3", "--epochs", "60"
    )
    held_out = dataset.features[rows.held_out]
    errors = fitted.outputs(held_out)["reconstruction"] - held_out
    assert ((errors / dataset.features.std(axis=0)) ** 2).mean() < 0.7


@pytest.mark.parametrize("judge", ["logistic", "mlp", "cnn", "knn", "random_forest"])
def test_the_digits_classifiers_find_the_generated_ones_confident_and_diverse(
    judge: str,
) -> None:
    """Classifiers find every class among generated digits and are almost as sure of them as of real ones."""
    generator = shipped("digits-gan")
    images = generator.run(generator.draw_noise(1000, seed=0))[0]

    assert images.shape == (1000, 8, 8, 3)
    classifier = shipped(f"digits-{judge}")
    label, probabilities = classifier.run(
        images[..., 0].reshape(1000, 64).astype(np.float32) * 16 / 255
    )
    digits = datasets.load("digits")
    held_out = digits.features[datasets.split(digits, seed=0).held_out]
    shares = np.bincount(label, minlength=10) / 1000
    assert shares.min() >= 0.05
    assert -(shares * np.log(shares)).sum() / np.log(10) >= 0.98
    assert (
        probabilities.max(axis=1).mean()
        >= classifier.run(held_out)[1].max(axis=1).mean() - 0.06
    )


def test_generated_images_are_new() -> None:
    """Generated images are no closer to a training row than other real digits are."""
    generator = shipped("digits-gan")
    images = generator.run(generator.draw_noise(360, seed=1))[0][..., 0].reshape(
        360, 64
    ) * (16 / 255)
    digits = datasets.load("digits")
    rows = datasets.split(digits, seed=0, needs_validation=False)
    train = digits.features[rows.train]

    def nearest(samples: np.ndarray) -> np.ndarray:
        return np.sqrt(((samples[:, None] - train) ** 2).sum(axis=2).min(axis=1))

    assert np.median(nearest(images)) > 0.9 * np.median(
        nearest(digits.features[rows.held_out])
    )


def test_the_discriminator_rejects_what_is_no_digit(
    generator: np.random.Generator,
) -> None:
    """The discriminator is close to chance between real and generated digits, and knows noise."""
    discriminator = shipped("digits_origin-discriminator")
    assert discriminator.card.classes == ("generated", "real")
    noise = generator.uniform(0, 16, size=(200, 64)).astype(np.float32)
    label, _ = discriminator.run(noise)
    assert label.mean() < 0.02


@pytest.fixture(scope="module")
def adversaries(tmp_path_factory: pytest.TempPathFactory) -> list[TrainedModel]:
    """Returns a small generator and its discriminator after nine epochs, as they are exported."""
    words = ["gan", "--task", "digits", "--epochs", "9", "--hidden", "16"]
    training_run = make_training_run(build_parser().parse_args(words))
    return train(training_run, tmp_path_factory.mktemp("adversaries"))


def test_adversaries_are_exported_together(adversaries: list[TrainedModel]) -> None:
    """One command makes two files: the generator, and the discriminator with a task of its own."""
    assert sorted(path.name for path in adversaries[0].path.parent.iterdir()) == [
        "digits-gan.onnx",
        "digits_origin-discriminator.onnx",
    ]
    model = Model.load(adversaries[1].path)
    assert model is not None
    assert model.card.provenance.split == {
        "train": 2874,
        "validation": 0,
        "held_out": 720,
    }


def test_samples_of_some_epochs_are_kept(adversaries: list[TrainedModel]) -> None:
    """Samples of the same noise are kept of some epochs, to see them become digits."""
    fitted = adversaries[0].fitted
    assert isinstance(fitted, FittedGan)
    assert list(fitted.samples_by_epoch) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert fitted.samples_by_epoch[1].shape == (10, 8, 8)
    assert not np.array_equal(fitted.samples_by_epoch[1], fitted.samples_by_epoch[9])
