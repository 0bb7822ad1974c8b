"""This module adopts a network of images: its preprocessing, which a file does not say, is stated by options."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from model_card import ImageInput
from training.adopt import measure
from training.adopt.adoption import Adoption, read_stated_roles
from training.adopt.card_description import (
    MEASURED_ON,
    ModelDescription,
    find_versions,
    summarise,
    write_command,
)
from training.adopt.classes import Classes, match_classes
from training.adopt.doubts import note_classes
from training.adopt.foreign import FLOATS, ForeignGraph, Tensor, read_foreign
from training.adopt.original import OriginalModel
from training.adopt.refusal import AdoptionError, shorten
from training.adopt.roles import Roles, decide
from training.adopt.wrap import PREFIX, Outputs, join
from training.data.image_preprocessing import prepend
from training.data.images import ImageDataset, read_images
from training.data.table import TableError
from training.graph import GraphBuilder

GREY = (0.299, 0.587, 0.114)
"""A grey value is this sum of red, green and blue, as Pillow and ITU-R 601 have it."""
UNIT_SCALE = 1 / 255


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """A network takes `(pixels * scale - mean) / std` of images of `crop_px`, cut from such of `resize_px`."""

    tensor: Tensor
    resize_px: int
    crop_px: int
    channels: int
    is_channels_first: bool
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Returns what the network takes of pixels `(n_images, resize_px, resize_px, 3)`."""
        start = round((self.resize_px - self.crop_px) / 2)
        stop = start + self.crop_px
        values = pixels[:, start:stop, start:stop].astype(np.float64)
        if self.channels == 1:
            values = (values @ np.array(GREY))[..., None]

        values = (values * self.scale - np.array(self.mean)) / np.array(self.std)
        if self.is_channels_first:
            values = values.transpose(0, 3, 1, 2)

        dtype = helper.tensor_dtype_to_np_dtype(self.tensor.element)
        prepared: NDArray[Any] = values.astype(dtype)

        return prepared

    def add_to(self, graph: GraphBuilder) -> None:
        """Adds the same steps from `cropped`, uint8 `(n_images, crop_px, crop_px, 3)`, to the network's input."""
        value = graph.add("Cast", "cropped", to=TensorProto.FLOAT)
        if self.channels == 1:
            weights = np.array(GREY, dtype=np.float32)[:, None]
            value = graph.add("MatMul", value, weights)

        if not self.is_as_it_is:
            value = graph.add("Mul", value, np.float32(self.scale))
            value = graph.add("Sub", value, np.array(self.mean, dtype=np.float32))
            value = graph.add("Div", value, np.array(self.std, dtype=np.float32))

        if self.is_channels_first:
            value = graph.add("Transpose", value, perm=[0, 3, 1, 2])

        value = graph.add("Cast", value, to=self.tensor.element)
        graph.add("Identity", value, name=f"{PREFIX}{self.tensor.name}")

    @property
    def is_as_it_is(self) -> bool:
        """Tells if the network takes pixels from 0 to 255."""
        return (self.scale, set(self.mean), set(self.std)) == (1, {0.0}, {1.0})

    def __str__(self) -> str:
        layout = "channels first" if self.is_channels_first else "channels last"
        return (
            f"images of {self.crop_px} x {self.crop_px} pixels from {self.resize_px}, {self.channels} channels, "
            f"{layout}, (pixel * {self.scale:.6g} - {list(self.mean)}) / {list(self.std)}"
        )


def adopt_for_images(options: argparse.Namespace) -> Adoption:
    """Adopts a classifier of images; raises AdoptionError, and then nothing was written."""
    foreign = read_foreign(options.model)
    steps = find_preprocessing(foreign, options)
    dataset = _read(options, steps)
    given = steps.apply(dataset.pixels)
    answers = OriginalModel(options.model, foreign).ask({steps.tensor.name: given})
    roles = decide(foreign, answers, read_stated_roles(options), target_is_class=True)
    classes = _match(options, foreign, roles, dataset)
    outputs = Outputs(roles=roles, order=classes.order, labels=classes.labels)
    before = GraphBuilder("input/")
    steps.add_to(before)
    shape: list[str | int | None] = ["n_images", steps.crop_px, steps.crop_px, 3]
    cropped = helper.make_tensor_value_info("cropped", TensorProto.UINT8, shape)
    model = join(foreign, before, cropped, outputs)
    prepend(model, resize_px=steps.resize_px, crop_px=steps.crop_px)
    described = _describe(options, foreign, steps, dataset, classes)
    path, card = measure.publish(options, foreign, model, described, answers, outputs)
    said = f"classes: {shorten(list(classes.names), 30)}"
    doubts = note_classes(described, card) if roles.scale != "votes" else ()
    notes = (foreign.describe(), str(steps), *roles.reasons, said, *doubts)

    return Adoption(path=path, card=card, notes=notes)


def _describe(
    options: argparse.Namespace,
    foreign: ForeignGraph,
    steps: Preprocessing,
    dataset: ImageDataset,
    classes: Classes,
) -> ModelDescription:
    return ModelDescription(
        task=options.task,
        family=options.family,
        summary=summarise(foreign, f"{options.task} of {steps}", what="images"),
        input=ImageInput(height=steps.crop_px, width=steps.crop_px),
        inputs=dataset.pixels,
        target=classes.target,
        classes=classes.names,
        target_name=None,
        data_set=f"{dataset.source}, {MEASURED_ON}",
        command=write_command(options),
        licence=options.licence,
        packages=find_versions(),
    )


def find_preprocessing(
    foreign: ForeignGraph, options: argparse.Namespace
) -> Preprocessing:
    """Returns what the graph and the options say of the images; raises AdoptionError where they leave it open."""
    tensor = foreign.inputs[0]
    axes = tensor.axes
    takes = (*FLOATS, TensorProto.UINT8)
    if (
        len(foreign.inputs) != 1
        or axes is None
        or len(axes) != 4
        or tensor.element not in takes
    ):
        raise AdoptionError(
            f"{foreign.file_name} takes {', '.join(map(str, foreign.inputs))}, and --data is a folder of images: "
            "expected one input of four axes; a model of rows is adopted with a table, --data FILE --target COLUMN"
        )

    is_first = axes[1] in (1, 3)
    channels = axes[1] if is_first else axes[3]
    sides = {axes[2], axes[3]} if is_first else {axes[1], axes[2]}
    if channels is None or channels not in (1, 3) or len(sides) != 1:
        raise AdoptionError(
            f"{foreign.file_name}: its input {tensor} is expected to be (n, 3, size, size) or (n, size, size, 3), or "
            "to have one channel: export it so, with square images"
        )

    crop_px = _find_size(foreign, tensor, sides.pop(), options.size)

    return Preprocessing(
        tensor=tensor,
        resize_px=max(options.resize or crop_px, crop_px),
        crop_px=crop_px,
        channels=channels,
        is_channels_first=is_first,
        scale=_find_scale(options, tensor),
        mean=_spread(options.mean, channels, "--mean", 0.0),
        std=_spread(options.std, channels, "--std", 1.0),
    )


def _find_size(
    foreign: ForeignGraph, tensor: Tensor, side: int | None, given: int | None
) -> int:
    """Returns the height and width of images, in pixels, that the graph or a person states."""
    size = side or given
    if size is None:
        raise AdoptionError(
            f"{foreign.file_name}: its input {tensor} leaves the size open: --size PIXELS says it"
        )
    if given is not None and given != size:
        raise AdoptionError(
            f"--size {given}: {foreign.file_name} takes images of {size} pixels; --resize says what they are cut from"
        )

    return size


def _find_scale(options: argparse.Namespace, tensor: Tensor) -> float:
    if options.scale is not None:
        return float(options.scale)
    return 1.0 if tensor.element == TensorProto.UINT8 else UNIT_SCALE


def _spread(
    given: list[float], channels: int, option: str, default: float
) -> tuple[float, ...]:
    if len(given) not in (0, 1, channels):
        raise AdoptionError(
            f"{option}: expected 1 or {channels} numbers, one for each channel, got {len(given)}"
        )
    values = given or [default]
    return tuple(values * channels if len(values) == 1 else values)


def _read(options: argparse.Namespace, steps: Preprocessing) -> ImageDataset:
    try:
        return read_images(
            options.data,
            task=options.task,
            size_px=steps.resize_px,
            on_progress=lambda _: None,
        )
    except TableError as error:
        raise AdoptionError(str(error)) from error


def _match(
    options: argparse.Namespace,
    foreign: ForeignGraph,
    roles: Roles,
    dataset: ImageDataset,
) -> Classes:
    """Returns the classes; as many folders as classes without names name them in order, as torchvision has it."""
    if roles.kind != "classifier":
        raise AdoptionError(
            f"{foreign.file_name} answers one number for an image, expected a score for each class: --kind classifier "
            "takes it for that of the second"
        )

    given = list(options.classes)
    if not given and roles.classes is None and len(dataset.classes) == roles.n_classes:
        given = list(dataset.classes)

    return match_classes(
        roles,
        foreign.file_name,
        [dataset.classes[code] for code in dataset.target],
        [f"folder {dataset.classes[code]}" for code in dataset.target],
        given=given,
    )
