"""The last stage: pages assembled, put in reading order and held to rules. No model."""

from hybrid_ocr.stages.validation.rule_file import load_rules
from hybrid_ocr.stages.validation.rules import RuleSet
from hybrid_ocr.stages.validation.validate import validate

__all__ = ["RuleSet", "load_rules", "validate"]
