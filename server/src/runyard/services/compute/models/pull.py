"""Getting a model the yard knows onto the shelf."""

from __future__ import annotations

from runyard.services.compute.models.adding import add
from runyard.services.compute.models.card import ModelCard
from runyard.services.compute.models.fetch import Progress, fetch
from runyard.services.compute.models.known import KnownModel
from runyard.services.compute.models.shelf import Shelf


def pull(
    shelf: Shelf,
    known: KnownModel,
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: Progress = lambda _here, _of: None,
) -> ModelCard:
    """Download a model, check that it is the one that is known, try it out and put it on the shelf.

    Args:
        shelf: where to.
        known: which.
        url: a mirror.
        sha256: another digest than the known one, of a file the caller trusts.
        progress: told how far the download is.

    Raises:
        FetchFailed: it can't be downloaded, or is another file than wanted.
        ModelError: it can't be used.
    """
    url, sha256 = url or known.url, sha256 or known.sha256
    file = shelf.folder / ".downloads" / f"{known.name}-{sha256[:16]}.onnx"
    fetch(url, file, sha256=sha256, progress=progress)
    try:
        return add(
            shelf, known.name, file, preparation=known.preparation, dim=known.dim, licence=known.licence, source=url
        )
    finally:
        file.unlink()
