"""The last stage: pages assembled, put in reading order and held to rules. No model."""

from lambdas.validation.rule_file import load_rules
from lambdas.validation.rules import RuleSet
from lambdas.validation.validate import validate

__all__ = ["RuleSet", "load_rules", "validate"]
