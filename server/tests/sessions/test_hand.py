"""The hand: what each tool does to files, and how its process is talked to."""

from __future__ import annotations

import asyncio
import io
import json
import os
from pathlib import Path

import msgspec
import pytest

from runyard.services.sessions.hand import files, search
from runyard.services.sessions.hand.frames import (
    LONGEST,
    Done,
    Refused,
    Setting,
    Use,
    order_frames,
    report_frames,
)
from runyard.services.sessions.hand.host import Hand as Host
from runyard.services.sessions.hand.places import CannotDo, Places
from runyard.services.sessions.hand.process import Hand, HandDied
from runyard.services.sessions.hand.tools import (
    TOOLS,
    BadArguments,
    EditFile,
    ListFiles,
    ReadFile,
    SearchFiles,
    WriteFile,
    descriptions,
    read_call,
)
from runyard.services.sessions.space import Space
from runyard.settings import Settings

from .conftest import DEADLINE, Desk


@pytest.fixture
def places(tmp_path: Path) -> Places:
    root = tmp_path / "workspace"
    (root / "shop").mkdir(parents=True)
    return Places(root, root / "shop")


def put(places: Places, name: str, content: bytes | str) -> Path:
    path = places.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def looked_for(places: Places, pattern: str, **more: object) -> list[str]:
    tool = SearchFiles(pattern=pattern, **more)
    return search.search(tool, places, lambda _folder: None)[0].split("\n")


def test_models_are_told_what_every_tool_takes():
    told = {each.name: each for each in descriptions()}
    assert set(told) == set(TOOLS)
    for each in told.values():
        assert each.text
        assert each.parameters["additionalProperties"] is False
        assert "type" not in each.parameters["properties"]
        json.dumps(each.parameters)
    assert told["edit"].parameters["required"] == ["path", "old", "new"]
    assert {name for name, each in told.items() if each.writes} == {"edit", "write", "run"}


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("read", {"path": ""}, "length >= 1"),
        ("read", {"path": "a", "offset": 0}, ">= 1"),
        ("read", {"path": ["a"]}, "Expected `str`"),
        ("read", {"path": "a", "file": "b"}, "unknown field `file`"),
        ("list", {"depth": 99}, "<= 10"),
        ("run", {"command": "x", "timeout": -1}, "> 0"),
        ("edit", {"path": "a", "old": "", "new": "b"}, "length >= 1"),
    ],
)
def test_wrong_arguments_are_explained(name: str, arguments: dict[str, object], why: str):
    with pytest.raises(BadArguments) as caught:
        read_call(name, arguments)
    assert why in str(caught.value)


def test_numbers_may_come_as_text():
    assert read_call("read", {"path": "a", "offset": "3"}) == ReadFile(path="a", offset=3)


def test_a_listing_shows_folders_sizes_and_links(places: Places):
    put(places, "src/deep/er/x.py", "12345")
    put(places, "a\nb", "")
    put(places, ".git/config", "")
    (places.folder / "link").symlink_to("src")
    text, cut = files.list_files(ListFiles(), places)
    assert text.split("\n") == ["a\\nb  0", "link -> src", "src/", "  deep/"]
    assert not cut
    assert files.list_files(ListFiles(path="src", depth=3), places)[0].split("\n") == ["deep/", "  er/", "    x.py  5"]
    (places.folder / "empty").mkdir()
    assert files.list_files(ListFiles(path="empty"), places) == ("[The folder is empty.]", False)


def test_a_long_listing_says_that_it_is_cut(places: Places):
    for number in range(files.LISTED + 5):
        put(places, f"{number:05}", "")
    text, cut = files.list_files(ListFiles(), places)
    assert cut
    assert text.split("\n")[-2:] == ["00999  0", "[The first 1000 entries; list a folder below for more.]"]


def test_reading_gives_the_bytes_that_are_there_as_text(places: Places):
    put(places, "a", "ä\r\n\tb\xff".encode("latin-1"))
    assert files.read_file(ReadFile(path="a"), places) == (
        "\N{REPLACEMENT CHARACTER}\r\n\tb\N{REPLACEMENT CHARACTER}",
        False,
    )
    put(places, "empty", "")
    assert files.read_file(ReadFile(path="empty"), places) == ("[The file is empty.]", False)


def test_a_long_file_is_read_in_parts(places: Places):
    lines = [f"line {number}\n" for number in range(1, 1001)]
    put(places, "a", "".join(lines))
    read, offset = "", 1
    for _ in range(10):
        text, more = files.read_file(ReadFile(path="a", offset=offset, limit=300), places)
        if not more:
            break
        body, _, note = text.rpartition("[")
        read += body
        offset = int(note.split()[-1].rstrip(".]"))
    assert read + text == "".join(lines)


def test_a_wide_file_is_read_in_parts_of_an_answer(places: Places):
    put(places, "a", ("x" * 1000 + "\n") * 100)
    text, more = files.read_file(ReadFile(path="a"), places)
    assert more
    assert len(text) < files.ANSWER + 200


def test_writing_makes_folders_and_keeps_rights(places: Places):
    assert files.write(WriteFile(path="a/b/c.txt", content="ä"), places) == "Made a/b/c.txt (2 bytes)."
    script = put(places, "run.sh", "a much longer text")
    script.chmod(0o755)
    assert files.write(WriteFile(path="run.sh", content="short"), places) == "Replaced run.sh (5 bytes)."
    assert script.read_text() == "short"
    assert script.stat().st_mode & 0o777 == 0o755


def test_writing_over_what_is_no_file_is_refused(places: Places):
    put(places, "folder/file", "")
    for path, why in (("folder", "Is a directory"), ("folder/file/x", "File exists"), (".", "Is a directory")):
        with pytest.raises(CannotDo, match=why):
            files.write(WriteFile(path=path, content=""), places)


def test_an_edit_replaces_what_is_there_once(places: Places):
    path = put(places, "a", "one two\none three\n")
    with pytest.raises(CannotDo, match=r"is 2 times in 'a' \(lines 1, 2\)"):
        files.edit(EditFile(path="a", old="one", new="1"), places)
    with pytest.raises(CannotDo, match="not in 'a'"):
        files.edit(EditFile(path="a", old="One", new="1"), places)
    assert files.edit(EditFile(path="a", old="one t", new="1 t", all=True), places) == "Changed a in 2 places."
    assert files.edit(EditFile(path="a", old="two\n1", new="2\n1"), places) == "Changed a in 1 place."
    assert path.read_text() == "1 2\n1 three\n"


def test_an_edit_keeps_line_ends_and_bytes_that_are_no_text(places: Places):
    path = put(places, "a", b"\xff\xfe\r\none\r\ntwo\r\n")
    files.edit(EditFile(path="a", old="one\ntwo", new="1\n2"), places)
    assert path.read_bytes() == b"\xff\xfe\r\n1\r\n2\r\n"


def test_a_search_shows_lines_with_their_places(places: Places):
    put(places, "src/a.py", "import os\nprint('Hallo')\r\n")
    put(places, "src/b.txt", "import os\n")
    put(places, "binary", b"import os\0")
    put(places, ".git/x", "import os\n")
    assert looked_for(places, "^import") == ["src/a.py:1: import os", "src/b.txt:1: import os"]
    assert looked_for(places, "import", glob="*.py") == ["src/a.py:1: import os"]
    assert looked_for(places, "import", glob="src/*.txt") == ["src/b.txt:1: import os"]
    assert looked_for(places, "import", glob="**/b.txt") == ["src/b.txt:1: import os"]
    assert looked_for(places, "hallo", ignore_case=True) == ["src/a.py:2: print('Hallo')"]
    assert looked_for(places, "t('H", literal=True) == ["src/a.py:2: print('Hallo')"]
    assert looked_for(places, "os", path="src/b.txt") == ["src/b.txt:1: import os"]
    assert looked_for(places, "nothing") == ["[Nothing was found.]"]


def test_a_search_stops_at_its_limit(places: Places):
    put(places, "a", "x\n" * 50 + "y" * 1000)
    assert looked_for(places, "x", limit=2)[-1] == "[The first 2 matching lines; there are more.]"
    assert len(looked_for(places, "y")[0]) < 350


def test_paths_stay_in_the_workspace(places: Places, tmp_path: Path):
    put(places, "a", "")
    assert places.find("../shop/a") == places.folder / "a"
    assert places.find(str(places.folder / "a")) == places.folder / "a"
    (places.folder / "out").symlink_to(tmp_path)
    for path in ("..//..", "/etc/passwd", "out", "out/x", "../../workspace-2"):
        with pytest.raises(CannotDo, match="leads out of the workspace"):
            places.find(path)
    with pytest.raises(CannotDo, match="can't be a path"):
        places.find("a\0")
    assert places.name(places.root / "other") == str(places.root / "other")


def test_a_fault_of_the_hand_is_an_answer_with_a_trace(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    host = Host(Setting(root=str(places.root), clones=str(tmp_path), state=str(tmp_path)))

    def broken(*_arguments: object) -> None:
        raise RuntimeError("oh")

    monkeypatch.setattr(files, "list_files", broken)
    answer = host.carry_out(Use(number=7, seconds=5, folder=str(places.folder), tool=ListFiles()))
    assert isinstance(answer, Refused)
    assert (answer.number, answer.text) == (7, "it failed: RuntimeError: oh")
    assert "broken" in answer.trace


async def test_messages_arrive_as_they_were_sent():
    order = Use(number=1, seconds=2.5, folder="/workspace", tool=EditFile(path="ü", old="a", new="b", all=True))
    assert order_frames.read(io.BytesIO(order_frames.pack(order))) == order
    assert order_frames.read(io.BytesIO(b"")) is None
    reader = asyncio.StreamReader()
    reader.feed_data(report_frames.pack(Done(number=1, text="x", size=3)))
    assert await report_frames.receive(reader) == Done(number=1, text="x", size=3)
    reader.feed_data((LONGEST + 1).to_bytes(4, "big"))
    with pytest.raises(ValueError, match="longer than"):
        await report_frames.receive(reader)


@pytest.mark.parametrize("said", [b"\0\0\0\1x", report_frames.pack(Done(number=99)), b"\xff\xff\xff\xff"])
async def test_a_hand_that_talks_nonsense_is_ended(desk: Desk, tmp_path: Path, said: bytes):
    space = Space(tmp_path / "space", desk.sandbox.isolated)
    space.root.mkdir()
    space.make()
    async with asyncio.timeout(DEADLINE), Hand.start(space, desk.sandbox, Settings(data_dir=tmp_path)) as hand:
        order = Use(number=1, seconds=5, folder=space.inside(space.workspace), tool=ListFiles())
        assert await hand.ask(order) == Done(number=1, text="artifacts/")
        writing = os.open(space.pipes / "reports", os.O_WRONLY | os.O_NONBLOCK)
        os.write(writing, said)
        os.close(writing)
        with pytest.raises(HandDied, match="talks nonsense"):
            await hand.ask(msgspec.structs.replace(order, number=2))
        await asyncio.wait({hand._companion.over})
        assert not hand.alive
