"""Files of jobs: kept once per content, streamed in and out, checked by digest."""

from runyard.artifacts.store import Artifact, ArtifactMissing, ArtifactStore, Blob, DigestMismatch, TooLarge, attaching

__all__ = ["Artifact", "ArtifactMissing", "ArtifactStore", "Blob", "DigestMismatch", "TooLarge", "attaching"]
