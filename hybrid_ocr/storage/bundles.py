"""Bundles in the artefacts bucket: which is active for a script, and what a bundle holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from pydantic import TypeAdapter, ValidationError

from hybrid_ocr.contracts.codec import JSON
from hybrid_ocr.contracts.errors import (
    ArtifactError,
    CapacityError,
    DocumentError,
    ErrorCode,
    RequestError,
)
from hybrid_ocr.contracts.jobs import Bundle, BundleId
from hybrid_ocr.contracts.keys import ACTIVE_BUNDLES, DEFAULT_BUNDLE, bundle_key
from hybrid_ocr.storage.objects import Objects

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
            active = self._all_active()
        except DocumentError:
            raise ArtifactError("no bundle is active yet", code=ErrorCode.ARTIFACT_NOT_FOUND) from None
        if script is None:
            return active[DEFAULT_BUNDLE]
        if script not in active:
            raise RequestError(f"no bundle reads the script asked for; there are {', '.join(sorted(active))}")
        return active[script]

    def put(self, bundle: Bundle) -> None:
        """Write a bundle; one of the same models may move to other endpoints."""
        self._artifacts.write(bundle_key(bundle.id), bundle)

    def activate(self, bundles: Mapping[str, BundleId]) -> None:
        """Read new documents with these from now on; what is active for other scripts stays so.

        Args:
            bundles: by script, or `default`. While there is no default, the first of them becomes it.

        Raises:
            ArtifactError: the list of what is active is damaged.
            CapacityError: somebody else has changed the list at the same time.
        """
        facts = self._artifacts.facts(ACTIVE_BUNDLES)
        active = self._all_active() if facts else {DEFAULT_BUNDLE: next(iter(bundles.values()))}
        text = _ACTIVE.dump_json({**active, **bundles}, indent=2)
        if facts is None:
            written = self._artifacts.put_first(ACTIVE_BUNDLES, text, JSON)
        else:
            written = self._artifacts.replace(ACTIVE_BUNDLES, text, JSON, etag=facts.etag)
        if not written:
            raise CapacityError(f"{ACTIVE_BUNDLES} has changed meanwhile: activate again")

    def _all_active(self) -> dict[str, BundleId]:
        try:
            active = _ACTIVE.validate_json(self._artifacts.get(ACTIVE_BUNDLES))
        except ValidationError:
            active = {}
        if DEFAULT_BUNDLE not in active:
            raise ArtifactError(f"{ACTIVE_BUNDLES} names no default bundle or is damaged")
        return active

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
