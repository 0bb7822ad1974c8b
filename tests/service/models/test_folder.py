"""A model folder has what is visible, regular and named as a model; anything else holds nobody up."""

from __future__ import annotations

import ast
import hashlib
import os
import socket
from pathlib import Path

import pytest
from onnx import TensorProto

from service.errors import ModelRefused
from service.models.folder import ModelFolder
from tests.support.graphs import write_identity, write_with_weights
from tests.support.new_process import run_python


def find(folder: Path) -> dict[str, str | None]:
    """Returns the refusals of the files of a folder by the names that errors show."""
    return {each.shown: each.refusal for each in ModelFolder(folder).find()}


def test_only_visible_regular_files_count(tmp_path: Path) -> None:
    """Hidden files, folders, FIFOs, sockets and devices named like models are no models."""
    (tmp_path / "good.onnx").write_bytes(b"model")
    (tmp_path / "._good.onnx").write_bytes(b"left by macOS")
    (tmp_path / ".onnx").write_bytes(b"without a name")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "zero.onnx").symlink_to("/dev/zero")
    (tmp_path / ".hidden" / "1").mkdir(parents=True)
    (tmp_path / ".hidden" / "1" / "model.onnx").write_bytes(b"hidden")
    os.mkfifo(tmp_path / "fifo.onnx")
    (tmp_path / "versions" / "1").mkdir(parents=True)
    os.mkfifo(tmp_path / "versions" / "1" / "model.onnx")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket.onnx"))

        assert find(tmp_path) == {"good.onnx": None}


def test_a_version_that_is_no_number_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A model below a folder `v1`, or below none, is not served; the log says how its folder is to be named."""
    for name in ("1", "v1", "-1", "1.0"):
        (tmp_path / "wine" / name).mkdir(parents=True)
        (tmp_path / "wine" / name / "model.onnx").write_bytes(b"model")
    (tmp_path / "wine" / "notes").mkdir()
    (tmp_path / "wine" / "model.onnx").write_bytes(b"model")

    assert find(tmp_path) == {"wine/1/model.onnx": None}
    assert caplog.messages == [
        f"passed over wine/{each}: the folder of a version is named by a whole number, as wine/1/model.onnx"
        for each in ("-1/model.onnx", "1.0/model.onnx", "model.onnx", "v1/model.onnx")
    ]


def test_links_of_a_mounted_volume_are_followed(tmp_path: Path) -> None:
    """A file is found once where Kubernetes mounts it, as a link into a hidden folder that is a link itself."""
    dated = tmp_path / "..2026_01_01"
    dated.mkdir()
    (dated / "mounted.onnx").write_bytes(b"model")
    (tmp_path / "..data").symlink_to(dated.name)
    (tmp_path / "mounted.onnx").symlink_to("..data/mounted.onnx")
    folder = ModelFolder(tmp_path)

    (file,) = folder.find()

    assert file.shown == "mounted.onnx"
    assert folder.read(file) == b"model"


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    """A link without an end is refused with words, since somebody meant a model."""
    (tmp_path / "nowhere.onnx").symlink_to("missing")
    (tmp_path / "loop.onnx").symlink_to("loop.onnx")

    assert find(tmp_path) == {
        "loop.onnx": "it cannot be read: Too many levels of symbolic links; it is a link",
        "nowhere.onnx": "it cannot be read: No such file or directory; it is a link",
    }


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """A file in place of the folder is named as what keeps the models from being found."""
    path = tmp_path / "file"
    path.write_bytes(b"")

    assert find(path) == {".": "the folder cannot be read: Not a directory"}


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    """A file that is larger than the limit is refused by its size, with the setting's name."""
    (tmp_path / "large.onnx").touch()
    os.truncate(tmp_path / "large.onnx", 2**40)
    folder = ModelFolder(tmp_path, max_bytes=1000)

    with pytest.raises(ModelRefused, match=r"limit of 1000 \(VEREDICTO_MAX_MODEL"):
        folder.read(*folder.find())


def sign(folder: Path, **contents: bytes) -> ModelFolder:
    """Returns a folder whose sums are of these contents, whatever its files have."""
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  ./{name}.onnx"
        for name, content in contents.items()
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")

    return ModelFolder(folder)


def test_a_file_must_be_as_the_sums_say(tmp_path: Path) -> None:
    """A file of a folder with sums is read if it matches, and refused if it differs or is not in them."""
    for name in ("right", "wrong", "unlisted"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
    folder = sign(tmp_path, right=b"right", wrong=b"something else")
    files = {each.name: each for each in folder.find()}

    assert folder.read(files["right"]) == b"right"
    with pytest.raises(ModelRefused, match=r"SHA-256 of wrong.onnx .* SHA256SUMS says"):
        folder.read(files["wrong"])
    with pytest.raises(ModelRefused, match=r"SHA256SUMS does not list unlisted.onnx"):
        folder.read(files["unlisted"])


@pytest.mark.parametrize("content", [b"no sums", b"\xff", None])
def test_sums_that_cannot_be_read_refuse_every_file(
    tmp_path: Path, content: bytes | None
) -> None:
    """A file of sums that is broken, or is none, lets no model through."""
    (tmp_path / "good.onnx").write_bytes(b"model")
    path = tmp_path / "SHA256SUMS"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    folder = ModelFolder(tmp_path)

    with pytest.raises(ModelRefused, match="SHA256SUMS cannot be read: "):
        folder.read(*folder.find())


LISTS_FOLDER = """
from pathlib import Path
from service.models.folder import ModelFolder
from service.models.registry import Registry

folder = Path({folder!r})
registry = Registry.load(folder)
print(ascii([list(registry.versions), registry.refused, ModelFolder(folder).find_missing()]))
"""


def test_a_name_is_read_as_utf_8_whatever_the_locale_is(tmp_path: Path) -> None:
    """A locale of ASCII refuses neither a name of other letters, nor its weights, nor its sum."""
    write_with_weights(tmp_path, "ñandú")
    (tmp_path / "ñu" / "1").mkdir(parents=True)
    write_identity(tmp_path / "ñu" / "1", "model", TensorProto.FLOAT, [1])
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    lines = [
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.relative_to(tmp_path)}"
        for each in files
    ]
    text = "\n".join([*lines, f"{'0' * 64}  señal.onnx"])
    (tmp_path / "SHA256SUMS").write_text(text, encoding="utf-8")
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    printed = run_python(
        LISTS_FOLDER.format(folder=str(tmp_path)), os.environ | ascii_alone
    )

    found, refused, missing = ast.literal_eval(printed.splitlines()[-1])
    assert sorted(found) == ["ñandú", "ñu"]
    assert refused == {}
    assert missing == ["señal.onnx"]
