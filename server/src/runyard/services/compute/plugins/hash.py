"""The plugin `hash`: digests that tell whether files are the same, and hashes that tell whether pictures look alike."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated, Final, Literal

from pydantic import Field

from runyard.services.compute.packages import requires
from runyard.services.compute.plugin import Parameters, Result, Task, plugin

OUTPUT: Final = "output/hash.json"


class Hashing(Parameters):
    """Which digest becomes the ``hash_value``; all the others are told as well."""

    algorithm: Annotated[
        Literal["sha512", "md5", "sha256"],
        Field(description="sha512 of what is to be seen, whatever the metadata; md5 and sha256 of the file."),
    ] = "sha512"


class Hashed(Result):
    """The digests. The perceptual hashes are null for what can't be seen.

    Attributes:
        hash_value: the digest asked for, in hex.
        algorithm: what it is of: ``sha512_image`` of decoded pixels, ``sha512_video`` of the key frames as they are
            stored, ``sha512_generic``, ``md5`` and ``sha256`` of the file's bytes.
        phash: and the others: of an image, or of a telling moment of a video.
        frames: ``phash`` of up to eight moments of a video, in order.
    """

    media_type: Literal["image", "video", "audio", "text", "url", "file"]
    hash_value: str
    algorithm: str
    sha256: str
    md5: str
    phash: str | None = None
    dhash: str | None = None
    ahash: str | None = None
    whash: str | None = None
    colorhash: str | None = None
    frames: list[str] = Field(default_factory=list)


@plugin("hash", output=OUTPUT, missing=requires("PIL", "av", "imagehash", "numpy"))
def hash_media(task: Task[Hashing]) -> Hashed:
    """Compute digests of a file, and perceptual hashes of an image or a video."""
    from runyard.services.compute.media.digests import look, of_file  # noqa: PLC0415  (loads the libraries)
    from runyard.services.compute.media.sniff import identify  # noqa: PLC0415

    begin, media = time.perf_counter(), identify(task.input)
    seen = look(task, media)
    digests = of_file(task.input, ("md5", "sha256") if seen else ("md5", "sha256", "sha512"))
    label: str = task.params.algorithm
    if label != "sha512":
        value = digests[label]
    elif seen:
        value, label = seen.sha512, f"sha512_{media.kind}"
    else:
        value, label = digests[label], "sha512_generic"
    found = Hashed(
        media_type=media.kind,
        hash_value=value,
        algorithm=label,
        sha256=digests["sha256"],
        md5=digests["md5"],
        **(asdict(seen.hashes) if seen else {}),
        frames=list(seen.frames) if seen else [],
    )
    written = found.model_dump() | {"process_time": round(time.perf_counter() - begin, 6)}
    task.output(OUTPUT).write_text(json.dumps(written, indent=2), encoding="utf-8")
    return found
