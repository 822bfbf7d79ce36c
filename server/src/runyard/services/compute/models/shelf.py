"""The shelf of models: a folder with ``<name>/model.onnx`` and ``<name>/model.json`` for each."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from runyard.services.compute.models.card import ModelCard
from runyard.services.compute.models.digest import digest_of
from runyard.services.compute.models.errors import ModelError, ModelMissing
from runyard.services.compute.models.known import KNOWN

MODEL: Final = "model.onnx"
CARD: Final = "model.json"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The models below one folder, which need not be there yet."""

    folder: Path

    def names(self) -> list[str]:
        """All that have a folder here, whole or not."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name))

    def model(self, name: str) -> Path:
        """Its ONNX file, which need not be there."""
        return self.files(name)[0]

    def files(self, name: str) -> tuple[Path, Path]:
        """Its ONNX file and its description."""
        return self._place(name) / MODEL, self._place(name) / CARD

    def card(self, name: str) -> ModelCard:
        """What is known of a model. Quick: its file is looked at from outside only.

        Raises:
            ModelMissing: it is not here.
            ModelError: its description is missing or wrong, or its file has another size than it says.
        """
        model, card = self.files(name)
        if not model.is_file():
            raise ModelMissing(f"The model {name!r} is not installed: {_remedy(name)}")
        try:
            found = ModelCard.model_validate_json(card.read_bytes())
        except FileNotFoundError:
            raise ModelError(
                f"The model {name!r} has no {CARD} beside its {MODEL}, which says how to use it. Add it again: "
                f"runyard models add {name} {model}"
            ) from None
        except ValidationError as error:
            what = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in what["loc"]) or CARD
            raise ModelError(f"The model {name!r} has a {CARD} that can't be used: {where}: {what['msg']}.") from None
        size = model.stat().st_size
        if size != found.bytes:
            raise ModelError(
                f"The model {name!r} has {size} bytes and should have {found.bytes}: it is cut off or was "
                f"changed. Get it again: {_remedy(name)}"
            )
        return found

    def checked(self, name: str) -> ModelCard:
        """What is known of a model whose file is what it was when it came here. Reads it when it has changed.

        Raises:
            ModelError: as `card`, and when its digest is another.
        """
        card = self.card(name)
        digest = digest_of(self.model(name))
        if digest != card.sha256:
            raise ModelError(
                f"The model {name!r} has the SHA-256 {digest} and should have {card.sha256}: it was damaged or "
                f"exchanged. Get it again: {_remedy(name)}"
            )
        return card

    def put(self, name: str, file: Path, describe: Callable[[Path], ModelCard]) -> ModelCard:
        """Put a copy of an ONNX file on the shelf, in place of what has the name; all of it or nothing.

        Args:
            name: lower-case letters, digits, hyphens and underscores.
            file: stays as it is.
            describe: what is known of the model, after a look at the copy; raises `ModelError` to refuse it.
        """
        place = self._place(name)
        with self._bench() as bench:
            model = bench / MODEL
            try:
                shutil.copyfile(file, model)
            except OSError as error:
                raise ModelError(f"{str(file)!r} can't be copied to the shelf: {error.strerror or error}.") from error
            card = describe(model)
            (bench / CARD).write_text(card.model_dump_json(indent=2) + "\n")
            for made in (model, bench / CARD, bench):
                _to_disk(made)
            with self._bench() as old:
                if place.exists():
                    place.rename(old / name)
                bench.rename(place)
        return card

    def remove(self, name: str) -> None:
        """Take a model off the shelf.

        Raises:
            ModelMissing: it is not here.
        """
        place = self._place(name)
        if not place.is_dir():
            raise ModelMissing(f"There is no model {name!r} in {str(self.folder)!r}. See: runyard models list")
        with self._bench() as old:
            place.rename(old / name)

    def _place(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ModelError(
                f"{name!r} is no name of a model: use lower-case letters, digits, - and _, such as 'clip'."
            )
        return self.folder / name

    @contextmanager
    def _bench(self) -> Iterator[Path]:
        """A folder on the shelf's file system that no model can be called like, gone in the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder, ignore_cleanup_errors=True) as bench:
            inner = Path(bench, "model")
            inner.mkdir()  # with the rights of an ordinary folder: workers may be other users
            yield inner


def _remedy(name: str) -> str:
    return KNOWN[name].remedy if name in KNOWN else f"runyard models add {name} FILE"


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
