"""The shelf: models come whole or not at all, and only if they do what is needed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from runyard.services.compute.models.adding import add
from runyard.services.compute.models.card import Preparation
from runyard.services.compute.models.digest import SUFFIX, digest_of
from runyard.services.compute.models.encoder import prepared
from runyard.services.compute.models.errors import ModelError, ModelMissing
from runyard.services.compute.models.known import CLIP, DINO, KNOWN, shelf_name
from runyard.services.compute.models.shelf import Shelf

from .media import photo
from .networks import clip_like, dino_like, saved, weights


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "models")


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_an_added_model_has_its_card_beside_it(shelf: Shelf, tmp_path: Path) -> None:
    file = clip_like(tmp_path / "some.onnx")
    card = add(shelf, "clip", file, preparation=CLIP.preparation, dim=512, licence="MIT", source="a friend")
    assert contents(shelf.folder) == ["clip", "clip/model.json", "clip/model.onnx", f"clip/model.onnx{SUFFIX}"]
    stored = json.loads((shelf.folder / "clip" / "model.json").read_text())
    assert stored == card.model_dump(mode="json")
    assert stored | {"sha256": digest_of(file), "bytes": file.stat().st_size, "dim": 512} == stored
    assert (stored["output"], stored["licence"], stored["source"]) == ("image_embeds", "MIT", "a friend")


def test_the_added_file_stays_where_it_was(shelf: Shelf, tmp_path: Path) -> None:
    file = clip_like(tmp_path / "some.onnx")
    before = file.read_bytes()
    add(shelf, "clip", file, preparation=CLIP.preparation)
    assert file.read_bytes() == before


def test_a_refused_model_leaves_the_one_that_was_there(shelf: Shelf, tmp_path: Path) -> None:
    card = add(shelf, "clip", clip_like(tmp_path / "good.onnx"), preparation=CLIP.preparation, dim=512)
    before = contents(shelf.folder)
    with pytest.raises(ModelError):
        add(shelf, "clip", clip_like(tmp_path / "bad.onnx", dim=99), preparation=CLIP.preparation, dim=512)
    assert shelf.checked("clip") == card
    assert contents(shelf.folder) == before


def test_a_model_that_is_added_again_is_replaced(shelf: Shelf, tmp_path: Path) -> None:
    add(shelf, "clip", clip_like(tmp_path / "one.onnx"), preparation=CLIP.preparation)
    card = add(shelf, "clip", clip_like(tmp_path / "two.onnx", scale=2), preparation=CLIP.preparation)
    assert shelf.checked("clip") == card
    assert shelf.names() == ["clip"]
    assert len(contents(shelf.folder)) == 4


def test_other_users_may_read_the_shelf(shelf: Shelf, tmp_path: Path) -> None:
    add(shelf, "clip", clip_like(tmp_path / "some.onnx"), preparation=CLIP.preparation)
    assert (shelf.folder / "clip").stat().st_mode & 0o055 == 0o055
    assert shelf.model("clip").stat().st_mode & 0o044 == 0o044


def test_a_removed_model_is_gone(shelf: Shelf, tmp_path: Path) -> None:
    add(shelf, "clip", clip_like(tmp_path / "some.onnx"), preparation=CLIP.preparation)
    shelf.remove("clip")
    assert contents(shelf.folder) == []
    with pytest.raises(ModelMissing, match="There is no model 'clip'"):
        shelf.remove("clip")


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "Clip", ".new-x", "a" * 65, "a.b", "a\n"])
def test_names_have_no_path_parts(shelf: Shelf, name: str) -> None:
    with pytest.raises(ModelError, match="is no name of a model"):
        shelf.remove(name)
    with pytest.raises(ModelError, match="is no name of a model"):
        shelf.card(name)


def test_plugins_names_mean_their_models() -> None:
    assert [shelf_name(name) for name in ("clip", "clip_embedding", "dino_embedding", "mine")] == [
        "clip", "clip", "dino", "mine",
    ]  # fmt: skip


def test_known_models_are_described_whole() -> None:
    for name, known in KNOWN.items():
        assert known.name == name
        assert known.url.startswith("https://")
        assert len(bytes.fromhex(known.sha256)) == 32
        assert known.licence in {"MIT", "Apache-2.0"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "can't be loaded"),
        (b"hello", "can't be loaded"),
        ("cut", "can't be loaded"),
        ("folder", "can't be copied"),
    ],
)
def test_what_is_no_onnx_file_is_refused(shelf: Shelf, tmp_path: Path, content: bytes | str, said: str) -> None:
    file = tmp_path / "some.onnx"
    if content == "folder":
        file.mkdir()
    else:
        file.write_bytes(clip_like(tmp_path / "whole.onnx").read_bytes()[:5000] if content == "cut" else content)
    with pytest.raises(ModelError, match=said) as refused:
        add(shelf, "clip", file, preparation=CLIP.preparation)
    assert ".new-" not in str(refused.value)
    assert shelf.names() == []


def test_a_model_of_several_outputs_gives_the_one_that_fits(shelf: Shelf, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["fields"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Flatten", ["fields"], ["first"]),
        helper.make_node("MatMul", ["first", "weights"], ["second"]),
    ]
    file = saved(tmp_path / "two.onnx", nodes, [("first", ["N", 147]), ("second", ["N", 64])], weights(147, 64))
    assert add(shelf, "a", file, preparation=DINO.preparation).output == "first"
    assert add(shelf, "b", file, preparation=DINO.preparation, dim=64).output == "second"
    assert add(shelf, "c", file, preparation=DINO.preparation, output="second").dim == 64
    with pytest.raises(ModelError, match="gives 'first' of 147, 'second' of 64; needed is a vector of 512 numbers"):
        add(shelf, "d", file, preparation=DINO.preparation, dim=512)
    with pytest.raises(ModelError, match="no output 'third'; it has 'first', 'second'"):
        add(shelf, "e", file, preparation=DINO.preparation, output="third")


def test_a_model_of_another_picture_size_says_which(shelf: Shelf, tmp_path: Path) -> None:
    small = DINO.preparation.model_copy(update={"size": 112})
    with pytest.raises(ModelError, match="looks at pictures of 224 x 224 pixels, not 112 x 112"):
        add(shelf, "clip", clip_like(tmp_path / "some.onnx"), preparation=small)


def test_a_model_for_batches_of_one_fixed_size_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="wants exactly 8 pictures at once. Export it with a free first axis"):
        add(shelf, "clip", clip_like(tmp_path / "some.onnx", count=8), preparation=CLIP.preparation)


def test_a_model_that_only_says_it_takes_any_number_is_found_out(shelf: Shelf, tmp_path: Path) -> None:
    rows = numpy_helper.from_array(np.array([1, 147], np.int64), "rows")
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["fields"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Reshape", ["fields", "rows"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["found"]),
    ]
    file = saved(tmp_path / "one.onnx", nodes, [("found", ["N", 512])], weights(147, 512), also=[rows])
    with pytest.raises(ModelError, match=r"fails on input of shape \(2, 3, 224, 224\)"):
        add(shelf, "clip", file, preparation=CLIP.preparation, dim=512)


def test_the_digest_is_computed_once_as_long_as_the_file_is_the_same(shelf: Shelf, tmp_path: Path) -> None:
    add(shelf, "dino", dino_like(tmp_path / "some.onnx"), preparation=DINO.preparation)
    file = shelf.model("dino")
    note = file.with_name(file.name + SUFFIX)
    noted = json.loads(note.read_text())
    note.write_text(json.dumps(noted | {"sha256": "0" * 64}))
    assert digest_of(file) == "0" * 64  # taken from the note
    file.touch()
    assert digest_of(file) == noted["sha256"]
    note.write_text("damaged")
    assert digest_of(file) == noted["sha256"]


@pytest.mark.parametrize(("fit", "corner"), [("stretch", (1.0, 0.0, 0.0)), ("crop", (0.0, 1.0, 0.0))])
def test_pictures_are_stretched_or_cut_to_a_square(fit: str, corner: tuple[float, float, float]) -> None:
    """A wide picture, red on the left and right, green in the middle."""
    image = photo(8, 8).resize((300, 100))
    image.paste("red", (0, 0, 300, 100))
    image.paste("lime", (100, 0, 200, 100))
    plain = Preparation(size=96, mean=(0, 0, 0), std=(1, 1, 1), fit=fit)
    found = prepared(image, plain)
    assert (found.shape, found.dtype) == ((3, 96, 96), np.float32)
    assert found[:, 0, 0] == pytest.approx(corner, abs=0.01)
