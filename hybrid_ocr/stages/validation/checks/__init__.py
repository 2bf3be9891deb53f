"""Every rule there is, under the name that findings carry."""

from __future__ import annotations

from typing import Final

from hybrid_ocr.stages.validation.checks.completeness import (
    DocumentEmpty,
    DocumentUnreadable,
    PageBlank,
    PageFailed,
    PageLost,
    PageUnexpected,
    RegionsMissing,
)
from hybrid_ocr.stages.validation.checks.consistency import (
    IdRepeated,
    OutsidePage,
    RegionWithoutLines,
    StagesDisagree,
)
from hybrid_ocr.stages.validation.checks.fields import (
    OptionalFieldMissing,
    RequiredFieldMissing,
)
from hybrid_ocr.stages.validation.checks.lines import (
    HiddenControls,
    ImplausibleCharacters,
    LineWithoutText,
    LowConfidenceLine,
    LowConfidencePage,
)
from hybrid_ocr.stages.validation.rules import Rule

RULES: Final[dict[str, type[Rule]]] = {
    "document_unreadable": DocumentUnreadable,
    "document_empty": DocumentEmpty,
    "page_lost": PageLost,
    "page_unexpected": PageUnexpected,
    "page_failed": PageFailed,
    "regions_missing": RegionsMissing,
    "page_blank": PageBlank,
    "stages_disagree": StagesDisagree,
    "id_repeated": IdRepeated,
    "outside_page": OutsidePage,
    "region_without_lines": RegionWithoutLines,
    "line_without_text": LineWithoutText,
    "low_confidence_line": LowConfidenceLine,
    "low_confidence_page": LowConfidencePage,
    "implausible_characters": ImplausibleCharacters,
    "hidden_controls": HiddenControls,
    "required_field_missing": RequiredFieldMissing,
    "optional_field_missing": OptionalFieldMissing,
}
