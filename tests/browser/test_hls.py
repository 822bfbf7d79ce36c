"""What `hls_streaming` makes plays in a browser: every level, with picture and sound, to its end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from runyard.services.compute.plugin import MediaError, Result, Task
from runyard.services.compute.plugins.hls_streaming import Manifest, Streaming, hls_streaming

from .chromium import Page
from .site import served

HERE = Path(__file__).parent
CLIP = HERE.parents[1] / "examples/media/clip.mp4"
LOW, HIGH = 0, 1

pytestmark = pytest.mark.slow

Show = Callable[..., Manifest]


@pytest.fixture(scope="session")
def show(page: Page, player: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """Makes the example clip's ladder, once for the same parameters, and loads it into the page."""
    root = tmp_path_factory.mktemp("site")
    shutil.copy(player, root)
    shutil.copy(HERE / "player.html", root)
    ladders: dict[str, tuple[str, Manifest]] = {}
    with served(root) as address:

        def show(**params: object) -> Manifest:
            key, name = repr(params), f"ladder-{len(ladders)}"
            if key not in ladders:
                ladders[key] = name, streamed(root / name, **params)
            name, made = ladders[key]
            page.open(f"{address}/player.html")
            page.run("return await load(args[0])", f"{name}/{made.master_playlist}")
            return made

        yield show


def streamed(folder: Path, **params: object) -> Manifest:
    task = Task(input=CLIP, name=CLIP.name, params=Streaming.model_validate(params), folder=folder, models=folder)
    result: Result | MediaError = hls_streaming.run([task])[0]
    assert isinstance(result, Manifest), result
    return result


def until(page: Page, event: str, holds: str, *, target: str = "video") -> dict[str, Any]:
    """Waits for an event after which something holds, and tells what the player has seen."""
    return cast("dict[str, Any]", page.run(f"return await until('{event}', () => {holds}, {target})"))


def test_the_player_reads_what_the_master_playlist_says(page: Page, show: Show) -> None:
    made = show()
    levels = cast("dict[str, Any]", page.run("return report()"))["levels"]
    assert levels == [
        {
            "width": variant.width,
            "height": variant.height,
            "videoCodec": variant.codecs.split(",")[0],
            "audioCodec": "mp4a.40.2",
            "frameRate": 25,
        }
        for variant in reversed(made.variants)
    ]
    assert [level["height"] for level in levels] == [480, 720]


@pytest.mark.parametrize("segment_format", ["ts", "fmp4"])
def test_it_plays_and_changes_its_level_on_the_way(page: Page, show: Show, segment_format: str) -> None:
    show(segment_format=segment_format)
    page.run("player.loadLevel = args[0]; await video.play()", LOW)
    first = until(page, "timeupdate", "video.currentTime > 0.5")
    assert (first["width"], first["height"]) == (854, 480)

    page.run("player.nextLevel = args[0]", HIGH)
    second = until(page, "timeupdate", "video.videoHeight === 720 && video.currentTime > 2 && seen.switches.length > 1")
    assert second["switches"] == [LOW, HIGH]
    assert second["time"] > first["time"]
    assert second["frames"] > first["frames"] > 0
    assert second["sound"] > 0
    assert second["fatal"] == []


def test_it_plays_to_its_end(page: Page, show: Show) -> None:
    made = show(segment_duration=3)
    page.run("video.playbackRate = 8; await video.play()")
    end = until(page, "ended", "video.ended")
    assert end["duration"] == pytest.approx(made.duration, abs=0.1)
    assert end["time"] == pytest.approx(made.duration, abs=0.1)
    assert end["fatal"] == []


def test_it_goes_to_any_moment(page: Page, show: Show) -> None:
    show()
    page.run("player.loadLevel = args[0]; video.currentTime = 5.4", HIGH)
    there = until(page, "seeked", "!video.seeking && video.readyState >= 2")
    assert there["time"] == pytest.approx(5.4, abs=0.01)
    assert any(name.endswith("-002.ts") for name in there["fragments"])


def test_the_original_is_a_level_that_plays(page: Page, show: Show) -> None:
    made = show(include_original=True, variants=[{"resolution": 360, "bitrate": 5000}])
    assert [variant.playlist for variant in made.variants] == [
        "output/adaptive-360p-5000.m3u8",
        "output/adaptive-orig.m3u8",
    ]
    levels = cast("dict[str, Any]", page.run("return report()"))["levels"]
    page.run("player.loadLevel = args[0]; await video.play()", [level["height"] for level in levels].index(720))
    assert until(page, "timeupdate", "video.currentTime > 0.5 && video.videoHeight === 720")["fatal"] == []
