"""Bundles in the artefacts bucket: which is active for a script, and what a bundle holds."""

from __future__ import annotations

from functools import lru_cache

from pydantic import TypeAdapter, ValidationError

from ocr_core.contracts.errors import ArtifactError, DocumentError, ErrorCode, RequestError
from ocr_core.contracts.jobs import Bundle, BundleId
from ocr_core.contracts.keys import ACTIVE_BUNDLES, DEFAULT_BUNDLE, bundle_key
from ocr_core.storage.objects import Objects

_ACTIVE = TypeAdapter(dict[str, BundleId])


class Bundles:
    """The bundles of a component; one that was read is kept, because a bundle never changes."""

    def __init__(self, artifacts: Objects) -> None:
        self._artifacts = artifacts
        self.get = lru_cache(maxsize=64)(self._get)

    def active(self, script: str | None = None) -> BundleId:
        """The bundle that new documents of a script are read with.

        Raises:
            RequestError: INVALID_REQUEST, no bundle reads this script.
            ArtifactError: nothing is active, or the list of what is cannot be read.
        """
        try:
            active = _ACTIVE.validate_json(self._artifacts.get(ACTIVE_BUNDLES))
            default = active[DEFAULT_BUNDLE]
        except DocumentError:
            raise ArtifactError("no bundle is active yet", code=ErrorCode.ARTIFACT_NOT_FOUND) from None
        except (ValidationError, KeyError):
            raise ArtifactError(f"{ACTIVE_BUNDLES} names no default bundle or is damaged") from None
        if script is None:
            return default
        if script not in active:
            raise RequestError(f"no bundle reads the script asked for; there are {', '.join(sorted(active))}")
        return active[script]

    def _get(self, bundle_id: BundleId) -> Bundle:
        """A bundle by its id.

        Raises:
            ArtifactError: it is not there, or is not what its id says.
        """
        try:
            bundle = self._artifacts.read(bundle_key(bundle_id), Bundle)
        except DocumentError:
            raise ArtifactError(
                f"bundle {bundle_id} is not there", code=ErrorCode.ARTIFACT_NOT_FOUND
            ) from None
        except RequestError as error:
            raise ArtifactError(f"bundle {bundle_id} is damaged: {error.message}") from None
        if bundle.id != bundle_id:
            raise ArtifactError(f"bundle {bundle_id} lies where bundle {bundle.id} belongs")
        return bundle
