"""Why a model can't be used. The texts are for operators: what is wrong with it and what to do.

ModelError            it is damaged, of another kind, or not described
├── ModelMissing      it is not on the shelf
└── FetchFailed       it could not be downloaded
"""

from __future__ import annotations


class ModelError(Exception):
    """The model can't be used."""


class ModelMissing(ModelError):
    """The model is not on the shelf."""


class FetchFailed(ModelError):
    """The model could not be downloaded."""
