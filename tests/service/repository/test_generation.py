"""Generations are made of real folders of tiny models, which change between them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.errors import ModelRefused
from service.models.content import ModelContent, read_content
from service.models.folder import ModelFile
from service.models.folder_loader import DIFFERS
from service.models.parsing.onnx_file import read_outline
from service.repository.generation import GenerationRequest, Manifest, Store
from service.repository.loading import GenerationLoader
from service.repository.next_generation import CannotKeep, GenerationMaker
from service.settings import Settings
from tests.support.tiny_models import tiny_card, write_tiny


class Source:
    """A model folder, and the store in which its generations are made."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.folder = folder
        self.store = Store(store)
        self.store.make()
        self.tried: list[str] = []
        self.bad: set[str] = set()
        self._number = 0

    def make(self, previous: Manifest | None = None, **order: Any) -> Manifest:
        """Makes the next generation; files of `bad` do not load."""
        self._number += 1
        ordered = GenerationRequest(
            number=self._number,
            source=str(self.folder),
            max_model_bytes=10**6,
            previous=None if previous is None else previous.number,
            **order,
        )
        try_out = self._try_out if previous is not None else None
        return GenerationMaker(self.store, ordered, try_out=try_out).make()

    def _try_out(self, file: ModelFile, content: ModelContent) -> None:
        self.tried.append(file.shown)
        if file.shown in self.bad:
            raise ModelRefused("its self-check fails")


@pytest.fixture
def source(models: Path, tmp_path: Path) -> Source:
    """The folder has `colour-first` and `colour-second`."""
    return Source(models, tmp_path / "store")


def test_a_copy_is_read_with_the_outline_that_it_was_made_with(source: Source) -> None:
    """A worker takes the outline that lies beside a copy, and does not read the file for it again."""
    manifest = source.make()
    generation = source.store.open(manifest.number)
    [file, _] = generation.find()
    content = read_content(generation, file)
    kept = source.store.find_outline(content.digest)
    told = json.loads(kept.read_text())

    assert content.outline == read_outline(content.graph)

    kept.write_text(json.dumps({**told, "n_nodes": 12_345}))

    assert read_content(generation, file).outline.n_nodes == 12_345


def test_a_copy_is_known_by_the_digest_that_it_was_made_under(source: Source) -> None:
    """A worker takes the version from the name of a copy, which is the SHA-256 of what is in it."""
    manifest = source.make()
    generation = source.store.open(manifest.number)
    loaded = GenerationLoader(Settings(), source.store.path).load(manifest.number)
    for file, entry in zip(generation.find(), manifest.entries, strict=True):
        content = read_content(generation, file)
        in_folder = (source.folder / entry.file).read_bytes()

        assert content.known_digest == entry.digest
        assert entry.digest == hashlib.sha256(in_folder).hexdigest()
        assert loaded.registry.files[entry.file].version == entry.digest[:12]


def test_the_largest_file_begins_first(source: Source) -> None:
    """The largest of files that are loaded two at a time is not left for the end, whatever its name is."""
    for number in range(8):
        write_tiny(source.folder, tiny_card(family=f"third{number}"))
    card = tiny_card(family="zebra", summary="A large file: " + 10_000 * "z")
    write_tiny(source.folder, card)
    told: list[str] = []
    loading = GenerationLoader(
        Settings(), source.store.path, on_load=lambda *files: told.append(files[0])
    )
    loaded = loading.load(source.make().number, at_once=2)

    # Either of both threads may be the first to say what it is at.
    assert "colour-zebra.onnx" in told[:2]
    assert len(told) == 11
    assert list(loaded.registry.models) == sorted(loaded.registry.models)


def change(source: Source, sign: float, family: str = "first") -> None:
    write_tiny(source.folder, tiny_card(family=family), sign=sign)


def digests(manifest: Manifest) -> dict[str, str]:
    return {each.file: each.digest for each in manifest.entries}


def test_a_generation_is_loaded_from_copies(source: Source) -> None:
    """A generation is loaded as it was, whatever becomes of the folder later."""
    made = source.make()
    shutil.rmtree(source.folder)
    loaded = GenerationLoader(Settings(), source.store.path).load(made.number)

    assert list(loaded.registry.models) == ["colour-first", "colour-second"]
    assert loaded.registry.refused == {}
    assert source.store.read(made.number) == made


def test_only_what_has_changed_is_tried(source: Source) -> None:
    """A file that was touched is read but not loaded, and one that is as it was is not even read."""
    first = source.make()
    change(source, 2.0)
    (source.folder / "colour-second.onnx").touch()
    second = source.make(first)

    assert source.tried == ["colour-first.onnx"]
    assert digests(second)["colour-first.onnx"] != digests(first)["colour-first.onnx"]
    assert digests(second)["colour-second.onnx"] == digests(first)["colour-second.onnx"]
    assert not second.serves_as(first)
    assert source.make(second).serves_as(second)


def test_what_is_the_same_in_two_generations_is_loaded_once(source: Source) -> None:
    """The next generation has the very graph of a file that has not changed, and another of the one that has."""
    loading = GenerationLoader(Settings(), source.store.path)
    first = source.make()
    before = loading.load(first.number)
    change(source, 2.0)
    after = loading.load(source.make(first).number, before)

    files = before.registry.files, after.registry.files
    assert files[0]["colour-second.onnx"] is files[1]["colour-second.onnx"]
    assert files[0]["colour-first.onnx"] is not files[1]["colour-first.onnx"]
    assert list(after.registry.models) == ["colour-first", "colour-second"]


def test_a_file_that_does_not_load_leaves_the_one_before(source: Source) -> None:
    """The version before goes on, the reason says so, and the file is not tried again before it changes."""
    first = source.make()
    change(source, 2.0)
    source.bad = {"colour-first.onnx"}
    second = source.make(first)
    third = source.make(second)

    assert second.serves_as(first)
    assert third.serves_as(first)
    assert source.tried == ["colour-first.onnx"]
    for each in (second, third):
        reason = each.refused["colour-first.onnx"]
        assert reason.startswith("its self-check fails; its version ")
        assert reason.endswith(", loaded before, goes on")
        assert each.late == ("colour-first.onnx",)

    source.bad = set()
    change(source, 3.0)
    fourth = source.make(third)
    assert fourth.refused == {}
    assert not fourth.serves_as(first)


def test_what_was_refused_at_the_start_stays_so_until_it_changes(
    source: Source,
) -> None:
    """A file that was refused at the start is not late: the server is not ready before it is mended."""
    (source.folder / "broken.onnx").write_bytes(b"\x00\x01 no model")
    first = source.make()
    change(source, 2.0)
    second = source.make(first)

    assert "broken.onnx" in first.refused
    assert second.refused["broken.onnx"] == first.refused["broken.onnx"]
    assert second.late == ()


def test_a_new_file_that_is_bad_is_late(source: Source) -> None:
    """A bad file that comes later does not take the server out of service."""
    first = source.make()
    (source.folder / "broken.onnx").write_bytes(b"\x00\x01 no model")
    second = source.make(first)

    assert second.late == ("broken.onnx",)
    loaded = GenerationLoader(Settings(), source.store.path).load(second.number)
    assert "broken.onnx" in loaded.registry.refused
    assert loaded.registry.why_not_ready(strict=True) is None


def test_files_that_workers_refused_are_left_out(source: Source) -> None:
    """A file that workers refused does not go on to the next generation, since nobody serves it."""
    first = source.make()
    unserved = {"colour-first.onnx": "there is no memory"}
    second = source.make(first, unserved=unserved)

    assert list(digests(second)) == ["colour-second.onnx"]
    assert second.refused == unserved
    assert second.late == ()


def test_one_name_is_looked_at_by_itself(source: Source) -> None:
    """Other files that have changed wait for a look of their own."""
    first = source.make()
    change(source, 2.0)
    change(source, -2.0, "second")
    second = source.make(first, names=("colour-second",))

    assert source.tried == ["colour-second.onnx"]
    assert digests(second)["colour-first.onnx"] == digests(first)["colour-first.onnx"]
    assert second.stamp == first.stamp

    source.make(second)
    assert source.tried == ["colour-second.onnx", "colour-first.onnx"]


def test_a_name_that_is_asked_for_is_read_whatever_its_stamp_says(
    source: Source,
) -> None:
    """A file system that shows times late or not at all keeps no new content from whoever asks for it."""
    first = source.make()
    change(source, 2.0)
    second = source.make(first)
    stamps = {each.file: each.stamp for each in second.entries}
    entries = tuple(replace(each, stamp=stamps[each.file]) for each in first.entries)
    unseen = replace(first, number=90, entries=entries)
    source.store.write(unseen)

    assert digests(source.make(unseen)) == digests(first)

    asked = source.make(unseen, names=("colour-first",))

    assert digests(asked) == digests(second)


def test_what_did_not_fit_the_others_is_tried_again_with_any_of_them(
    source: Source,
) -> None:
    """Files of a task whose classes change come one by one: the first of them fits once the last has come."""
    first = source.make()
    change(source, 2.0)
    misfit = {"colour-first.onnx": f"{DIFFERS} colour-second, of the same task"}
    second = source.make(first, rejected=misfit)
    third = source.make(second)

    assert digests(third) == digests(first)
    assert list(third.refused) == ["colour-first.onnx"]
    assert source.tried == []

    change(source, -2.0, "second")
    fourth = source.make(third)

    assert source.tried == ["colour-first.onnx", "colour-second.onnx"]
    assert fourth.refused == {}


def test_what_is_wrong_by_itself_is_not_tried_with_every_other_file(
    source: Source,
) -> None:
    """A file that does not load takes no time of a look that another file has brought about."""
    first = source.make()
    change(source, 2.0)
    source.bad.add("colour-first.onnx")
    second = source.make(first)
    change(source, -2.0, "second")
    third = source.make(second)

    assert source.tried == ["colour-first.onnx", "colour-second.onnx"]
    assert third.refused == second.refused


def test_an_unloaded_name_is_left_out_until_it_is_loaded(source: Source) -> None:
    """A look at the whole folder does not bring it back."""
    first = source.make()
    second = source.make(first, names=(), unloaded=("colour-second",))
    third = source.make(second, unloaded=second.unloaded)
    fourth = source.make(third, names=("colour-second",))

    for each in (second, third):
        assert list(digests(each)) == ["colour-first.onnx"]
        assert each.unloaded == ("colour-second",)
    assert digests(fourth) == digests(first)
    assert fourth.unloaded == ()


def test_a_folder_without_models_takes_nothing_away(source: Source) -> None:
    """A disk that was not mounted leaves all that is served."""
    first = source.make()
    for path in source.folder.iterdir():
        path.unlink()
    second = source.make(first)
    source.folder.rmdir()
    third = source.make(second)

    for each in (second, third):
        assert each.serves_as(first)
        assert each.late == (".",)


def test_weights_beside_a_file_are_copied_and_looked_at(source: Source) -> None:
    """A change of the weights alone is a change of the model."""
    first = source.make()
    (source.folder / "colour-first.onnx.data").write_bytes(b"nobody names these")
    second = source.make(first)
    assert second.serves_as(first)
    assert second.entries[0].stamp != first.entries[0].stamp


def test_copies_that_nobody_needs_are_removed(source: Source) -> None:
    """The store does not grow with the number of reloads."""
    first = source.make()
    change(source, 2.0)
    second = source.make(first)
    source.store.forget_all_but(second)

    kept = {path.name for path in source.store.path.iterdir()}
    copies = set(digests(second).values())
    outlines = {f"{digest}.outline.json" for digest in copies}
    assert kept == copies | outlines | {f"generation-{second.number}.json"}


def test_a_store_without_room_is_told(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that cannot be written makes no generation at all."""
    shutil.rmtree(source.store.path)
    source.store.path.write_bytes(b"a file where the store should be")
    with pytest.raises((CannotKeep, OSError)):
        source.make()
