"""``runyard models`` as operators type it."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from runyard.services.compute.models.digest import digest_of
from runyard.services.compute.models_cli import models

from .networks import clip_like, dino_like

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RUNYARD_MODEL_DIR", str(tmp_path / "models"))

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(models, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Address of the folder ``site``."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def lacks(listing: Result) -> dict[str, str | None]:
    return {plugin["name"]: plugin["missing"] for plugin in json.loads(listing.stdout)["plugins"]}


def test_an_empty_shelf_says_what_each_plugin_lacks(run: Run, tmp_path: Path) -> None:
    text = run("list").stdout
    assert f"Models in {tmp_path}/models:\nnone" in text
    assert "runyard models pull clip, or: runyard models add clip FILE" in text
    found = lacks(run("list", "--json"))
    assert "runyard models pull dino" in (found["dino_embedding"] or "")
    assert (found["face_detection"], found["face_embedding"]) == (None, None)


def test_an_added_model_is_listed_and_lacks_nothing(run: Run, tmp_path: Path) -> None:
    file = clip_like(tmp_path / "tower.onnx")
    said = run("add", "clip_embedding", file, "--licence", "MIT", "--source", "our own").stdout
    assert "Model 'clip' added: 512 numbers" in said
    assert digest_of(file) in said
    listing = run("list", "--json")
    (model,) = json.loads(listing.stdout)["models"]
    assert (model["name"], model["dim"], model["licence"], model["problem"]) == ("clip", 512, "MIT", None)
    assert lacks(listing)["clip_embedding"] is None
    assert "our own" in run("list").stdout


def test_a_model_of_ones_own_needs_to_be_described(run: Run, tmp_path: Path) -> None:
    file = clip_like(tmp_path / "own.onnx", dim=64)
    assert "--size" in run("add", "own", file, code=2).stderr
    described = ("--size", 224, "--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5", "--fit", "crop")
    card = json.loads(run("add", "own", file, *described, "--json").stdout)
    assert (card["name"], card["dim"], card["mean"], card["fit"]) == ("own", 64, [0.5, 0.5, 0.5], "crop")


@pytest.mark.parametrize(
    ("option", "value"), [("--mean", "1,2"), ("--mean", "red"), ("--std", "0,1,1"), ("--size", "1"), ("--fit", "x")]
)
def test_a_wrong_option_is_named(run: Run, tmp_path: Path, option: str, value: str) -> None:
    assert option in run("add", "clip", clip_like(tmp_path / "x.onnx"), option, value, code=2).stderr


def test_a_model_that_does_not_fit_is_refused_in_a_sentence(run: Run, tmp_path: Path) -> None:
    result = run("add", "clip", dino_like(tmp_path / "wrong.onnx"), code=1)
    assert "Error: The model gives 'last_hidden_state' of 384; needed is a vector of 512 numbers." in result.stderr
    assert result.stdout == ""


def test_a_broken_model_is_listed_with_what_is_wrong(run: Run, tmp_path: Path) -> None:
    run("add", "dino", dino_like(tmp_path / "some.onnx"))
    (tmp_path / "models" / "dino" / "model.onnx").write_bytes(b"cut")
    assert "can't be used: The model 'dino' has 3 bytes" in run("list").stdout


def test_a_removed_model_is_lacked_again(run: Run, tmp_path: Path) -> None:
    run("add", "dino", dino_like(tmp_path / "some.onnx"))
    assert run("remove", "dino").stdout == "Model 'dino' removed.\n"
    assert "is not installed" in (lacks(run("list", "--json"))["dino_embedding"] or "")
    assert "There is no model 'dino'" in run("remove", "dino", code=1).stderr


def test_a_pulled_model_is_checked_tried_out_and_listed(run: Run, site: str, tmp_path: Path) -> None:
    file = dino_like(tmp_path / "site" / "dino.onnx")
    card = json.loads(run("pull", "dino", "--url", f"{site}/dino.onnx", "--sha256", digest_of(file), "--json").stdout)
    assert (card["name"], card["dim"], card["sha256"]) == ("dino", 384, digest_of(file))
    assert (card["licence"], card["source"]) == ("Apache-2.0", f"{site}/dino.onnx")
    assert lacks(run("list", "--json"))["dino_embedding"] is None
    assert list((tmp_path / "models" / ".downloads").iterdir()) == []


def test_a_mirror_with_another_file_is_refused(run: Run, site: str, tmp_path: Path) -> None:
    file = dino_like(tmp_path / "site" / "dino.onnx")
    said = run("pull", "dino", "--url", f"{site}/dino.onnx", code=1).stderr
    assert f"--sha256 {digest_of(file)}" in said
    assert json.loads(run("list", "--json").stdout)["models"] == []


def test_pulling_without_internet_says_what_to_do(run: Run) -> None:
    said = run("pull", "clip", "--url", "http://127.0.0.1:9/clip.onnx", code=1).stderr
    assert "Connection refused" in said
    assert "Without internet, download it on another machine, and add the file instead." in said


def test_only_models_we_know_can_be_pulled(run: Run) -> None:
    assert "'resnet' is no model we know; there are clip, dino." in run("pull", "resnet", code=1).stderr


def test_a_shelf_that_can_not_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    assert f"{tmp_path}/models" in run("add", "clip", clip_like(tmp_path / "x.onnx"), code=1).stderr
