"""Intake: the door. An event becomes a job and its execution, or is refused with a code."""
