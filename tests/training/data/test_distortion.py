"""Distorted copies of images look like them, and none looks like another."""

from __future__ import annotations

import numpy as np

from training.data import datasets
from training.data.distortion import distort, sample


def test_a_place_between_pixels_has_a_grey_between_theirs() -> None:
    """The grey at a pixel's centre is its own, half way to the next it is the mean, and outside there is none."""
    image = np.array([[[0, 8], [4, 16]]], dtype=np.float32)
    x = np.array([[[0.0, 1.0, 0.5, 0.5, -1.0]]])
    y = np.array([[[0.0, 0.0, 0.0, 0.5, 0.0]]])

    assert np.allclose(sample(image, x, y), [[[0, 8, 4, 7, 0]]], atol=1e-4)


def test_copies_are_greys_near_their_image() -> None:
    """A copy has whole greys from 0 to 16, differs from its image, and is mostly nearest to one of its digit."""
    digits = datasets.load("digits")
    images = digits.features[:300].reshape(-1, 8, 8)
    copies = distort(images, np.random.default_rng(0))

    flat, flat_copies = images.reshape(300, -1), copies.reshape(300, -1)
    distances = np.linalg.norm(flat[:, None] - flat_copies, axis=2)
    own = np.diagonal(distances)
    nearest = digits.target[:300][distances.argmin(axis=0)]
    assert copies.dtype == np.float32
    assert set(np.unique(copies)) <= set(range(17))
    assert own.min() > 0
    assert np.median(own) < 0.7 * np.median(distances)
    assert (nearest == digits.target[:300]).mean() > 0.8


def test_the_same_generator_makes_the_same_copies() -> None:
    """A seed gives the same copies each time, and each call of one generator gives others."""
    images = datasets.load("digits").features[:10].reshape(-1, 8, 8)
    generator = np.random.default_rng(7)
    first, second = distort(images, generator), distort(images, generator)

    assert np.array_equal(first, distort(images, np.random.default_rng(7)))
    assert not np.array_equal(first, second)
