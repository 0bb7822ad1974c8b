"""Weights beside a model's file are read from its own folder alone, and are part of its version."""

from __future__ import annotations

import gzip
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from service.errors import ModelRefused
from service.models.content import ModelContent, read_content
from service.models.folder import ModelFolder
from service.models.model import load_graph
from tests.support.graphs import write_with_weights


def read(folder: Path, *, max_bytes: int = 10_000) -> ModelContent:
    """Returns the content of the only model of a folder."""
    model_folder = ModelFolder(folder, max_bytes=max_bytes)
    return read_content(model_folder, *model_folder.find())


def test_weights_beside_the_file_are_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are those of the model's folder, whatever the working directory has under their name."""
    folder = tmp_path / "models"
    elsewhere = tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    path = write_with_weights(folder, "model", fill=3.0)
    (elsewhere / "model.onnx.data").write_bytes(np.zeros(2, np.float32).tobytes())
    monkeypatch.chdir(elsewhere)

    graph = load_graph(path, name="model", content=read(folder))
    (found,) = graph.run(["y"], {"x": np.zeros((1, 2), np.float32)})

    assert found.tolist() == [[3.0, 3.0]]


def test_weights_that_change_later_change_no_answer(tmp_path: Path) -> None:
    """The weights that run are those that were read: weights that are overwritten in place are not looked at again."""
    path = write_with_weights(tmp_path, "model", fill=3.0)
    graph = load_graph(path, name="model")
    (tmp_path / "model.onnx.data").write_bytes(b"")
    (found,) = graph.run(["y"], {"x": np.zeros((1, 2), np.float32)})

    assert found.tolist() == [[3.0, 3.0]]


def test_other_weights_are_another_version(tmp_path: Path) -> None:
    """Two models whose files are alike and whose weights differ have different versions."""
    write_with_weights(tmp_path, "model", fill=3.0)
    first = read(tmp_path)
    (tmp_path / "model.onnx.data").write_bytes(np.zeros(2, np.float32).tobytes())

    assert read(tmp_path).graph == first.graph
    assert read(tmp_path).version != first.version


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../w", "a/../../w", "", ".", "a\0b", "/dev/zero"]
)
def test_weights_elsewhere_are_refused(tmp_path: Path, location: str) -> None:
    """Weights at a path out of the model's folder are refused with the path, which is not opened."""
    write_with_weights(tmp_path, "model", location=location or " /")

    with pytest.raises(ModelRefused, match=r"in the model's own folder|missing"):
        read(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """Weights that are a link out of the model's folder are refused, and one within it is followed."""
    folder = tmp_path / "models"
    folder.mkdir()
    path = write_with_weights(folder, "model")
    weights = folder / "model.onnx.data"
    weights.rename(folder / "real")
    weights.symlink_to("real")
    assert read(folder).weights == {weights.name: (folder / "real").read_bytes()}

    (folder / "real").rename(tmp_path / "real")
    weights.unlink()
    weights.symlink_to("../real")
    with pytest.raises(ModelRefused, match="a link out of the model's own folder"):
        read(folder)

    assert path.exists()


def test_missing_and_short_weights_are_refused(tmp_path: Path) -> None:
    """Weights that are not there, or end before the tensor does, are refused by the name of their file."""
    write_with_weights(tmp_path, "model")
    weights = tmp_path / "model.onnx.data"
    weights.write_bytes(b"123")
    with pytest.raises(
        ModelRefused, match=r"'w' end at byte 8 of 'model.onnx.data', which has 3 bytes"
    ):
        read(tmp_path)

    weights.unlink()
    with pytest.raises(ModelRefused, match=r"are missing: 'w' is in the file 'model"):
        read(tmp_path)


def test_file_and_weights_share_the_limit(tmp_path: Path) -> None:
    """Weights that are over the limit together with the model's file are refused."""
    path = write_with_weights(tmp_path, "model")
    n_bytes = path.stat().st_size + 8

    assert read(tmp_path, max_bytes=n_bytes).n_bytes == n_bytes
    with pytest.raises(ModelRefused, match="VEREDICTO_MAX_MODEL_BYTES"):
        read(tmp_path, max_bytes=n_bytes - 1)


def test_weights_must_be_as_the_sums_say(tmp_path: Path) -> None:
    """Weights that are not in a folder's sums are refused as a model would be."""
    path = write_with_weights(tmp_path, "model")
    content = read(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(f"{sha256(path)}  model.onnx\n")
    with pytest.raises(ModelRefused, match=r"does not list model.onnx.data"):
        read(tmp_path)

    weights = tmp_path / "model.onnx.data"
    with (tmp_path / "SHA256SUMS").open("a") as sums:
        sums.write(f"{sha256(weights)} *model.onnx.data\n")
    assert read(tmp_path).version == content.version


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n",
            "a pointer of Git LFS, which the file itself replaces after `git lfs pull`",
        ),
        (gzip.compress(b"model"), "packed by gzip: unpack it"),
        (
            pickle.dumps({"model": 1}),
            "a pickle, as joblib and torch write: export the model as ONNX",
        ),
        (
            b"<!DOCTYPE html><title>Sign in</title>",
            "a page of HTML or XML, as a download gives that wants a login: fetch it again",
        ),
        (
            b'\x10\0\0\0\0\0\0\0{"w":{"dtype":""}}',
            "of safetensors, which has weights and no graph: export the model as ONNX",
        ),
        (b"\x1c\0\0\0TFL3" + bytes(64), "of TensorFlow Lite: export the model as ONNX"),
        (b"", "empty, as where a copy or a download has ended early"),
    ],
)
def test_a_file_of_another_format_is_called_by_its_name(
    tmp_path: Path, content: bytes, words: str
) -> None:
    """The refusal says what it is and what would work, and not at which byte a message of protobuf ends."""
    (tmp_path / "model.onnx").write_bytes(content)

    with pytest.raises(ModelRefused) as refused:
        read(tmp_path)

    assert str(refused.value) == (
        f"onnxruntime cannot load it: it is no ONNX file: it is {words}"
    )


def test_a_damaged_file_is_told_as_one(tmp_path: Path) -> None:
    """A file that begins as no other format is one of ONNX that is cut off."""
    path = write_with_weights(tmp_path, "model")
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ModelRefused, match="no whole ONNX file"):
        read(tmp_path)
