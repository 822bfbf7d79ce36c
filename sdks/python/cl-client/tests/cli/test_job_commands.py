"""`jobs`, `watch`, `download`, `workers`, `plugins`: what was submitted, from anywhere, and what there is."""

import json
import threading

import pytest

PHASH = {"hash_value": "ab", "phash": "c3d2"}


def test_jobs_are_listed_newest_first_over_all_pages(run, server):
    ids = [server.add("hash", output=PHASH).record["job_id"] for _ in range(5)]
    code, out, _ = run("jobs", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[2:]] == ids[::-1]


def test_jobs_are_listed_by_status_type_and_number(run, server):
    server.add("hash", output=PHASH)
    failed = server.add("exif", status="failed", error="no")
    server.add("exif", output={})
    _, out, _ = run("jobs", "list", "--status", "failed", "--json")
    assert [record["job_id"] for record in json.loads(out)] == [failed.record["job_id"]]
    assert len(json.loads(run("jobs", "list", "--type", "exif", "--json")[1])) == 2
    assert len(json.loads(run("jobs", "list", "-n", "1", "--json")[1])) == 1
    assert run("jobs", "list", "--type", "hls-streaming") == (0, "No jobs.\n", "")
    assert run("jobs", "list", "--status", "odd")[0] == 2


def test_a_job_is_shown_with_its_parameters(run, server):
    job = server.add("hash", output=PHASH, input_path="input/a.jpg", algorithm="md5")
    code, out, _ = run("jobs", "show", job.record["job_id"])
    assert code == 0
    for part in (job.record["job_id"], "completed", "c3d2", "algorithm = md5", "Submitted"):
        assert part in out
    assert json.loads(run("jobs", "show", job.record["job_id"], "--json")[1]) == job.record


def test_a_job_that_is_not_there_is_1(run):
    code, out, err = run("jobs", "show", "no-such-job")
    assert (code, out, err) == (1, "", "Error: There is no job 'no-such-job' that you may see.\n")


def test_cancel_goes_on_after_one_that_has_ended(run, server):
    ended = server.add("hash", output=PHASH).record["job_id"]
    running = server.add("hash", status="processing")
    code, out, err = run("jobs", "cancel", ended, running.record["job_id"])
    assert code == 1
    assert out == f"Job {running.record['job_id']} is cancelled.\n"
    assert f"{ended}: Job {ended} has ended" in err
    assert running.record["reason"] == "cancelled"


def test_retry_names_the_new_job(run, server):
    old = server.add("hash", status="failed", error="no").record["job_id"]
    code, out, _ = run("jobs", "retry", old)
    new = list(server.jobs)[-1]
    assert code == 0
    assert out == f"Job {old} is done again as {new}. Follow it with: cl_client watch {new}\n"


def test_delete_asks_first_and_needs_a_yes_where_it_cannot(run, server):
    ids = [server.add("hash").record["job_id"] for _ in range(2)]
    code, _, err = run("jobs", "delete", *ids)
    assert code == 2
    assert "--yes" in err
    assert run("jobs", "delete", *ids, "--yes")[0] == 0
    assert server.jobs == {}


def test_files_are_listed_and_brought(run, server, tmp_path):
    job = server.add("hash", files={"output/hash.json": b"{}", "faces/face_0.png": b"1234"}.items())
    job_id = job.record["job_id"]
    _, out, _ = run("jobs", "files", job_id)
    assert "output/hash.json" in out
    assert json.loads(run("jobs", "files", job_id, "--json")[1])[1]["size"] == 4
    code, out, _ = run("jobs", "files", job_id, "-o", "all")
    assert code == 0
    assert out.splitlines() == ["all/output/hash.json", "all/faces/face_0.png"]
    assert (tmp_path / "all/faces/face_0.png").read_bytes() == b"1234"


@pytest.mark.parametrize(
    ("dest", "place"), [([], "hash.json"), (["mine.json"], "mine.json"), (["new/"], "new/hash.json")]
)
def test_download(run, server, tmp_path, dest, place):
    job_id = server.add("hash", files={"output/hash.json": b"{}"}.items()).record["job_id"]
    code, out, err = run("download", job_id, "output/hash.json", *dest)
    assert (code, out, err) == (0, "", f"{place} (2 B)\n")
    assert (tmp_path / place).read_bytes() == b"{}"


def test_download_to_stdout(run, server):
    job_id = server.add("hash", files={"output/hash.json": b'{"a": 1}'}.items()).record["job_id"]
    assert run("download", job_id, "output/hash.json", "-") == (0, '{"a": 1}', "")


def test_download_of_what_is_not_there(run, server):
    job_id = server.add("hash").record["job_id"]
    code, _, err = run("download", job_id, "output/none.json")
    assert code == 1
    assert "File not found: output/none.json" in err


def test_watch_follows_a_job_to_its_end(run, server):
    job = server.add("hash", status="queued")

    asked = ("GET", f"/jobs/{job.record['job_id']}")

    def work():
        with server.changed:
            server.changed.wait_for(lambda: asked in server.answered, timeout=20)
        server.change(job, status="processing", progress=50)
        server.finish(job)

    worker = threading.Thread(target=work)
    worker.start()
    code, out, err = run("watch", job.record["job_id"])
    worker.join()
    assert code == 0
    assert "c3d2" in out
    assert f"{job.record['job_id']}: queued" in err


def test_watch_of_a_failed_job_is_1(run, server):
    job_id = server.add("hash", status="failed", error="The file is damaged.").record["job_id"]
    code, out, _ = run("watch", job_id)
    assert code == 1
    assert "The file is damaged." in out
    assert json.loads(run("watch", job_id, "--json")[1])["error_message"] == "The file is damaged."


def test_watch_ends_with_its_timeout(run, server):
    job_id = server.add("hash", status="processing").record["job_id"]
    code, out, err = run("watch", job_id, "--timeout", "0.2")
    assert (code, out) == (3, "")
    assert f"it goes on: cl_client watch {job_id}" in err


def test_workers(run, server):
    code, out, _ = run("workers")
    assert code == 0
    assert out.startswith("1 worker\n")
    assert json.loads(run("workers", "--json")[1]) == server.workers
    server.workers = {"num_workers": 0, "capabilities": {}}
    assert run("workers")[1] == "0 workers\nNone offers anything now; jobs wait until one comes.\n"


def test_plugins_say_what_is_missing(run, server):
    parameters = {"properties": {"algorithm": {}}}
    server.plugins = [
        {"name": "hash", "about": "Digests.", "parameters": parameters, "offered": True, "missing": None},
        {"name": "clip_embedding", "about": "Vectors.", "parameters": {}, "offered": False, "missing": "Add a model."},
    ]
    code, out, _ = run("plugins")
    assert code == 0
    clip, digests = (line.strip().split(maxsplit=3) for line in out.splitlines()[2:])
    assert clip == ["clip_embedding", "no", "-", "Add a model."]
    assert digests == ["hash", "yes", "algorithm", "Digests."]
    assert [plugin["name"] for plugin in json.loads(run("plugins", "--json")[1])] == ["hash", "clip_embedding"]
