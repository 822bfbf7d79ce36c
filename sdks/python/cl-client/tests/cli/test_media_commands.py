"""The plugins' commands as people and scripts use them: inputs, waiting, results, exit codes."""

import json

import pytest
from PIL import Image

PLUGINS = [
    (["hash", "compute"], [], "hash", "phash"),
    (["clip-embedding", "embed"], [], "clip_embedding", "4 numbers, length 1"),
    (["dino-embedding", "embed"], [], "dino_embedding", "norm 1.0000"),
    (["exif", "extract"], [], "exif", "48.858370, -2.294481"),
    (["face-detection", "detect"], [], "face_detection", "98.7%, from 16,12 to 48,36"),
    (["face-embedding", "embed"], [], "face_embedding", "128 numbers each"),
    (["hls-streaming", "generate-manifest"], [], "hls_streaming", "output/adaptive.m3u8"),
    (["image-conversion", "convert"], ["--format", "png"], "image_conversion", "converted_x.png"),
    (["media-thumbnail", "generate"], ["-w", "32", "-h", "32"], "media_thumbnail", "32 x 24"),
    (["run", "hash"], [], "hash", "c3d2"),
]


def jobs_of(server):
    return [job.record for job in server.jobs.values()]


@pytest.mark.parametrize(("command", "options", "plugin", "told"), PLUGINS, ids=lambda value: str(value)[:40])
def test_every_plugin_shows_what_it_found(run, server, photo, command, options, plugin, told):
    code, out, err = run(*command, photo, *options)
    assert (code, err) == (0, "")
    (record,) = jobs_of(server)
    assert record["task_type"] == plugin
    for part in (record["job_id"], plugin, "completed", "100 %", told):
        assert part in out


@pytest.mark.parametrize(("command", "options", "plugin", "told"), PLUGINS, ids=lambda value: str(value)[:40])
def test_json_is_the_record_and_the_file(run, server, photo, command, options, plugin, told):
    code, out, _ = run(*command, photo, *options, "--json")
    document = json.loads(out)
    (record,) = jobs_of(server)
    assert code == 0
    assert document.pop("file") == str(photo)
    assert document == record


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        (["clip-embedding", "embed", "--no-normalize"], {"normalize": "false"}),
        (["exif", "extract", "--tags", "Make,Model"], {"tags": "Make,Model"}),
        (["face-detection", "detect", "--confidence-threshold", "0.5", "--nms-threshold", "0.3"],
         {"confidence_threshold": "0.5", "nms_threshold": "0.3"}),
        (["face-embedding", "embed", "--confidence-threshold", "0.5"], {"confidence_threshold": "0.5"}),
        (["hash", "compute", "--algorithm", "md5", "--priority", "9"], {"algorithm": "md5"}),
        (["hls-streaming", "generate-manifest", "--segment-duration", "4", "--variant", "720:3500", "--include-original"],
         {"segment_duration": "4", "variants": '[{"resolution": 720, "bitrate": 3500}]', "include_original": "true"}),
        (["image-conversion", "convert", "--output-format", "png", "-q", "90", "--width", "10", "--height", "10"],
         {"format": "png", "quality": "90", "width": "10", "height": "10"}),
        (["media-thumbnail", "generate", "--width", "8", "--height", "9", "--exact"],
         {"width": "8", "height": "9", "maintain_aspect_ratio": "false"}),
        (["media-thumbnail", "generate", "-w", "8", "-h", "9", "--fit", "cover", "--crop", "0.3,0.7", "-f", "webp"],
         {"width": "8", "height": "9", "fit": "cover", "crop": "0.3,0.7", "format": "webp"}),
        (["run", "hash", "--set", "algorithm=md5"], {"algorithm": "md5"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_options_become_parameters_and_what_is_not_given_is_left_to_the_server(run, server, photo, arguments, params):
    assert run(*arguments, photo, "--detach")[0] == 0
    (record,) = jobs_of(server)
    sent = {name: value for name, value in record["params"].items() if name not in {"input_path", "output_path"}}
    assert sent == params
    assert record["priority"] == (9 if "--priority" in arguments else 5)


@pytest.mark.parametrize(
    "wrong",
    [
        ["hash", "compute"],
        ["hash", "compute", "missing.jpg"],
        ["hash", "compute", "*.nothing"],
        ["hash", "compute", "PHOTO", "--priority", "11"],
        ["hash", "compute", "PHOTO", "--timeout", "-1"],
        ["image-conversion", "convert", "PHOTO"],
        ["image-conversion", "convert", "PHOTO", "-f", "psd"],
        ["media-thumbnail", "generate", "PHOTO", "-w", "10"],
        ["hls-streaming", "generate-manifest", "PHOTO", "--variant", "big"],
        ["run", "hash", "PHOTO", "--set", "nothing"],
        ["run", "no-such-plugin", "PHOTO"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(run, server, photo, wrong):
    code, out, err = run(*[str(photo) if word == "PHOTO" else word for word in wrong])
    assert (code, out) == (2, "")
    assert err
    assert "Traceback" not in err
    assert server.jobs == {}


def test_a_file_that_is_not_there_is_named(run):
    assert run("hash", "compute", "missing.jpg")[2] == "Error: File not found: 'missing.jpg'.\n"


def test_a_failed_job_is_1_and_says_why(run, tmp_path):
    (tmp_path / "bad.jpg").write_text("no picture")
    code, out, err = run("exif", "extract", "bad.jpg")
    assert (code, err) == (1, "")
    assert "failed (bad_media)" in out
    assert "input/bad.jpg is no image" in out


def test_o_saves_the_result(run, photo, tmp_path):
    code, out, _ = run("image-conversion", "convert", photo, "-f", "png", "-o", "new/picture.png")
    assert code == 0
    assert "new/picture.png" in out
    with Image.open(tmp_path / "new/picture.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 48))


def test_o_with_a_slash_is_a_folder(run, photo, tmp_path):
    assert run("hash", "compute", photo, "-o", "results/")[0] == 0
    assert (tmp_path / "results" / "photo.json").exists()


def test_o_brings_the_whole_ladder(run, photo, tmp_path):
    code, out, _ = run("hls-streaming", "generate-manifest", photo, "-o", "ladder", "--json")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "ladder").iterdir()) == [
        "adaptive-720p-3500-000.ts",
        "adaptive-720p-3500.m3u8",
        "adaptive.m3u8",
    ]
    assert len(json.loads(out)["saved"]) == 3


def test_a_server_cannot_write_outside_the_folder(run, server, photo, tmp_path):
    server.results["hls_streaming"] = lambda _: ({}, {"output/../../evil": b"", "output/ok.ts": b""})
    code, _, err = run("hls-streaming", "generate-manifest", photo, "-o", "deep/ladder")
    assert code == 1
    assert "'../../evil'" in err
    assert not (tmp_path / "evil").exists()


def test_draw_makes_a_copy_with_the_faces_on_it(run, photo, tmp_path):
    before = photo.read_bytes()
    code, out, _ = run("face-detection", "detect", photo, "--draw", "faces.png")
    assert code == 0
    assert "faces.png" in out
    assert photo.read_bytes() == before
    with Image.open(tmp_path / "faces.png") as picture:
        assert picture.size == (64, 48)
        assert picture.getpixel((16, 30)) == (0, 230, 118)  # the left side of the box
        assert picture.getpixel((2, 2)) != (0, 230, 118)


def test_draw_on_a_turned_photo_turns_it_upright(run, tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "turned.jpg", exif=turned)
    assert run("face-detection", "detect", "turned.jpg", "--draw", "out/")[0] == 0
    with Image.open(tmp_path / "out" / "turned.jpg") as picture:
        assert picture.size == (48, 64)


def test_draw_that_cannot_be_written_is_told(run, photo):
    code, _, err = run("face-detection", "detect", photo, "--draw", "faces.unknown")
    assert code == 1
    assert "'faces.unknown' has no ending of a picture" in err


def test_a_folder_is_done_as_a_whole(run, server, photos):
    code, out, err = run("media-thumbnail", "generate", photos, "-w", "16", "-h", "16", "-o", "thumbs")
    assert code == 0
    assert len(server.jobs) == 3
    assert "3 completed" in err
    for name in ("a", "b", "sub/c"):
        with Image.open(f"thumbs/{name}.jpg") as picture:
            assert picture.size == (16, 12)
    assert "thumbs/sub/c.jpg" in out


def test_patterns_files_and_folders_are_taken_once_each(run, server, photos):
    assert run("hash", "compute", photos / "a.jpg", photos / "*.jpg", photos, "-j", "2")[0] == 0
    assert sorted(record["params"]["input_path"] for record in jobs_of(server)) == [
        "input/a.jpg",
        "input/b.png",
        "input/c.jpg",
        "input/notes.txt",
    ]


def test_many_results_are_json_lines(run, photos):
    code, out, _ = run("hash", "compute", photos, "--json")
    documents = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {document["status"] for document in documents} == {"completed"}
    assert len(documents) == 4


def test_one_bad_file_among_many_spoils_no_other(run, photos):
    (photos / "bad.jpg").write_text("no picture")
    code, out, err = run("exif", "extract", photos)
    assert code == 1
    assert "3 completed, 1 failed" in err
    assert "input/bad.jpg is no image" in out


def test_files_of_one_name_give_results_of_their_own(run, photos, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.jpg").write_bytes((photos / "a.jpg").read_bytes() + b"\0")
    assert run("hash", "compute", photos / "a.jpg", "more/a.jpg", "-o", "out")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg-2.json", "a.jpg.json"]


def test_the_contact_sheet_shows_all_thumbnails(run, photos, tmp_path):
    code, _, err = run("media-thumbnail", "generate", photos, "-w", "20", "-h", "20", "--sheet", "sheet.png")
    assert code == 0
    assert "Contact sheet of 3: sheet.png" in err
    with Image.open(tmp_path / "sheet.png") as sheet:
        colours = {sheet.convert("RGB").getpixel((16 + 48 + column * 112, 16 + 48)) for column in range(2)}
        assert (sheet.size, len(colours)) == ((240, 284), 2)


def test_detach_prints_ids_and_leaves(run, server, photos):
    server.held.clear()
    code, out, _ = run("hash", "compute", photos / "a.jpg", "--detach")
    assert (code, out) == (0, f"{jobs_of(server)[0]['job_id']}\n")
    code, out, _ = run("hash", "compute", photos, "--detach")
    assert code == 0
    assert len(out.splitlines()) == 4


def test_a_job_that_takes_too_long_is_3_and_can_be_come_back_to(run, server, photo):
    server.held.clear()
    code, out, err = run("hash", "compute", photo, "--timeout", "0.2")
    (record,) = jobs_of(server)
    assert (code, out) == (3, "")
    assert err == f"Error: Job timeout after 0.2 seconds; it goes on: cl_client watch {record['job_id']}\n"


def test_watch_tells_how_far_it_is(run, server, photo):
    def step_by_step(job):
        server.change(job, status="processing", progress=40)
        return {"hash_value": "x"}, {}

    server.results["hash"] = step_by_step
    code, _, err = run("hash", "compute", photo, "-w")
    assert code == 0
    assert err.endswith(f"{photo}: completed 100 %\n")


def test_a_job_nobody_can_do_now_says_so(run, server, photo):
    server.held.clear()
    server.submit = lambda *_: server.add("hash", status="queued")
    original = server.add

    def waiting(*arguments, **options):
        job = original(*arguments, **options)
        job.record["waiting_for"] = "No worker offers hash now."
        return job

    server.add = waiting
    code, _, err = run("hash", "compute", photo, "--timeout", "0.5")
    assert code == 3
    assert err.startswith("Waiting: No worker offers hash now.\n")


def test_tags_of_a_photo_cannot_talk_to_the_terminal(run, photo):
    _, out, _ = run("exif", "extract", photo)
    assert "\x1b" not in out
    assert "Nokia\\x1b[2J N95" in out


def test_no_server_is_3(run, photo, closed_port):
    code, out, err = run("hash", "compute", photo, "--compute-url", f"http://127.0.0.1:{closed_port}")
    assert (code, out) == (3, "")
    assert f"Cannot connect to http://127.0.0.1:{closed_port}" in err
    assert "cl_client doctor" in err


@pytest.mark.parametrize(
    ("status", "detail", "code"),
    [(401, "Authentication required", 4), (403, "Insufficient permissions", 4), (413, "The file is too large", 1),
     (422, [{"type": "literal_error", "loc": ["body", "algorithm"], "msg": "Input should be 'md5'", "input": "crc"}], 2)],
)  # fmt: skip
def test_refusals_have_exit_codes_of_their_own(run, server, photo, status, detail, code):
    server.refuse["POST", "/jobs/hash"] = (status, {"detail": detail}, {})
    got, out, err = run("hash", "compute", photo)
    assert (got, out) == (code, "")
    assert (detail if isinstance(detail, str) else "algorithm") in err
    assert "req-1" in err


def test_a_refusal_that_concerns_all_ends_the_run(run, server, photos):
    server.refuse["POST", "/jobs/hash"] = (401, {"detail": "Authentication required"}, {})
    code, _, err = run("hash", "compute", photos, "-j", "1")
    assert code == 4
    assert err.count("Authentication failed") == 1
    assert server.requests.count(("POST", "/jobs/hash")) == 1


def test_a_server_that_goes_away_leaves_word_of_the_jobs_that_go_on(run, server, photos):
    submit = server.submit

    def first_only(*arguments):
        server.refuse["POST", "/jobs/hash"] = (403, {"detail": "Insufficient permissions"}, {})
        server.held.clear()
        return submit(*arguments)

    server.submit = first_only
    code, _, err = run("hash", "compute", photos, "-j", "2")
    (record,) = jobs_of(server)
    assert code == 4
    assert f"cl_client watch {record['job_id']}" in err
    assert err.endswith("Not allowed: Insufficient permissions (request id req-1)\n")


def test_a_plugin_of_ones_own_is_shown_as_it_is(run, server, photo):
    found = {"radius": 2.0, "values": [1] * 9, "few": [1], "nested": {"a": 1}}
    server.results["my_blur"] = lambda _: (found, {})
    code, out, _ = run("run", "my-blur", photo, "--set", "radius=2")
    assert code == 0
    facts = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert [facts[name].strip() for name in found] == ["2.0", "9 values", "[1]", "1 field"]


def test_a_result_without_a_file_cannot_be_saved(run, server, photo):
    server.results["my_blur"] = lambda _: ({}, {})
    code, _, err = run("run", "my_blur", photo, "-o", "x")
    assert code == 1
    assert "names no file of its result" in err


def test_faces_of_an_older_server_are_shown_and_drawn(run, server, photo, tmp_path):
    face = {"x1": 0.25, "y1": 0.25, "x2": 0.75, "y2": 0.75, "confidence": 0.5}
    server.results["face_detection"] = lambda _: ({"faces": [face, {}] + [face] * 12}, {"output/faces.json": b"{}"})
    code, out, _ = run("face-detection", "detect", photo, "--draw", "faces.png")
    assert code == 0
    assert "50.0%, from 0.250,0.250 to 0.750,0.750" in out
    assert "and 2 more" in out
    with Image.open(tmp_path / "faces.png") as picture:
        assert picture.getpixel((16, 30)) == (0, 230, 118)


def test_long_names_fit_below_their_pictures(run, photo, tmp_path):
    long = photo.rename(tmp_path / f"{'long ' * 20}.jpg")
    other = tmp_path / "other.jpg"
    other.write_bytes(long.read_bytes())
    assert run("media-thumbnail", "generate", long, other, "-w", "9", "-h", "9", "--sheet", "sheet.png")[0] == 0
