"""Files on their way: from anything that has bytes, and whole or not at all back again."""

import hashlib
import io

import httpx
import pytest

from cl_client import DownloadError, JobNotFoundError, StatusError
from cl_client.uploads import FormBody, open_part

CONTENT = bytes(range(256)) * 9000


class Pipe(io.RawIOBase):
    """A file that can't be read twice."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def read(self, size=-1):
        return self.content.read(size)

    def seekable(self):
        return False


async def pieces():
    yield CONTENT[:1000]
    yield CONTENT[1000:]


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file", "pipe", "iterator"])
async def test_anything_with_bytes_can_be_sent(yard, connect, tmp_path, kind):
    path = tmp_path / "a photo.png"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        sources = {
            "path": path,
            "text": str(path),
            "bytes": CONTENT,
            "file": file,
            "pipe": Pipe(CONTENT),
            "iterator": pieces(),
        }
        seen = []
        await connect(yard).hash.compute(sources[kind], on_upload=lambda sent, total: seen.append((sent, total)))
    assert CONTENT in yard.bodies[0]
    known = kind not in {"pipe", "iterator"}
    assert seen[-1] == (len(CONTENT), len(CONTENT) if known else None)
    request = yard.requests[0]
    if known:
        assert int(request.headers["Content-Length"]) == len(yard.bodies[0])
    else:
        assert request.headers["Transfer-Encoding"] == "chunked"
    if kind in {"path", "text", "file"}:
        assert b'filename="a photo.png"\r\nContent-Type: image/png' in yard.bodies[0]


async def test_the_file_can_be_called_otherwise(yard, connect):
    await connect(yard).hash.compute(CONTENT, filename='ha"rm\r\nless.jpg')
    assert b'filename="ha%22rm%0D%0Aless.jpg"' in yard.bodies[0]


async def test_a_file_is_sent_from_where_it_stands_and_stays_open(yard, connect):
    file = io.BytesIO(b"skipped" + CONTENT)
    file.seek(7)
    await connect(yard).hash.compute(file)
    assert b"skipped" not in yard.bodies[0]
    assert not file.closed


async def test_what_can_be_read_once_is_sent_once(yard, connect):
    yard.fault("POST /jobs/hash", httpx.ReadError("reset"))
    with pytest.raises(httpx.ReadError):
        await connect(yard).hash.compute(pieces())
    assert len(yard.seen("POST /jobs/hash")) == 1


async def test_other_things_cannot_be_sent():
    with pytest.raises(TypeError, match="give a path"):
        await open_part(5)
    with pytest.raises(IsADirectoryError):
        await open_part("/tmp")


async def test_a_form_without_files_knows_its_length():
    body = FormBody({"a": "1"}, [])
    sent = b"".join([piece async for piece in body])
    assert body.headers["Content-Length"] == str(len(sent))


@pytest.fixture
def held(yard):
    job_id = yard.add()
    yard.files[job_id] = {"output/a b.npy": CONTENT, "output/hash.json": b"{}"}
    return job_id


async def test_a_file_arrives_whole_with_its_progress(yard, connect, held, tmp_path):
    seen = []
    client = connect(yard)
    await client.download_job_file(
        held, "output/a b.npy", tmp_path / "a.npy", on_download=lambda have, total: seen.append((have, total))
    )
    assert (tmp_path / "a.npy").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
    assert yard.requests[-1].url.raw_path.endswith(b"/files/output/a%20b.npy")


async def test_a_server_of_the_original_kind_promises_no_digest(yard, connect, held, tmp_path):
    yard.original = True
    await connect(yard).download_job_file(held, "output/a b.npy", tmp_path / "a.npy")
    assert (tmp_path / "a.npy").read_bytes() == CONTENT


async def test_a_broken_connection_is_taken_up_where_it_broke(yard, connect, held, tmp_path):
    class Breaking(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield CONTENT[: 600 * 1024]
            raise httpx.ReadError("reset")

    etag = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    headers = {"ETag": etag, "Content-Length": str(len(CONTENT))}
    yard.fault("GET .*npy", httpx.Response(200, headers=headers, stream=Breaking()))
    await connect(yard).download_job_file(held, "output/a b.npy", tmp_path / "a.npy")
    assert (tmp_path / "a.npy").read_bytes() == CONTENT
    assert yard.requests[-1].headers["Range"] == f"bytes={600 * 1024}-"
    assert yard.requests[-1].headers["If-Range"] == etag


async def test_a_file_that_has_changed_meanwhile_is_fetched_from_its_start(yard, connect, held, tmp_path):
    short = httpx.Response(
        200, headers={"ETag": '"old"', "Content-Length": "9000000"}, stream=ByteStream(b"old" * 300_000)
    )
    yard.fault("GET .*npy", short)
    yard.fault("GET .*npy", httpx.Response(200, content=CONTENT))
    await connect(yard).download_job_file(held, "output/a b.npy", tmp_path / "a.npy")
    assert (tmp_path / "a.npy").read_bytes() == CONTENT


class ByteStream(httpx.AsyncByteStream):
    def __init__(self, content):
        self.content = content

    async def __aiter__(self):
        yield self.content


async def test_a_file_with_another_digest_is_thrown_away(yard, connect, held, tmp_path):
    digest = "sha-256=:" + "A" * 43 + "=:"
    yard.fault("GET .*npy", httpx.Response(200, content=b"other", headers={"Repr-Digest": digest}))
    with pytest.raises(DownloadError, match="nothing was written"):
        await connect(yard).download_job_file(held, "output/a b.npy", tmp_path / "a.npy")
    assert list(tmp_path.iterdir()) == []


async def test_what_is_not_there_is_told_apart(yard, connect, held, tmp_path):
    client = connect(yard)
    with pytest.raises(StatusError, match="File not found"):
        await client.download_job_file(held, "output/none", tmp_path / "a")
    with pytest.raises(JobNotFoundError):
        await client.download_job_file("no-such-job", "output/none", tmp_path / "a")
    yard.fault("GET .*npy", httpx.ReadTimeout("slow"), times=4)
    with pytest.raises(httpx.ReadTimeout):
        await client.download_job_file(held, "output/a b.npy", tmp_path / "a")


async def test_a_handle_lists_and_fetches_its_files(yard, connect, held, tmp_path):
    job = connect(yard).job(held)
    assert [(file.path, file.size) for file in await job.files()] == [
        ("output/a b.npy", len(CONTENT)),
        ("output/hash.json", 2),
    ]
    assert (await job.download(dest=tmp_path)).read_bytes() == b"{}"
    assert (await job.download("output/a b.npy", tmp_path / "own")).read_bytes() == CONTENT
    yard.jobs[held]["params"] = {}
    with pytest.raises(FileNotFoundError, match="files\\(\\)"):
        await job.download()


async def test_a_plain_submission_opens_and_closes_its_file(yard, connect, photo):
    job_id = await connect(yard).http_submit_job("/jobs/hash", data={"priority": 5}, files={"file": photo})
    assert job_id in yard.jobs
    assert b'filename="photo.jpg"' in yard.bodies[0]
