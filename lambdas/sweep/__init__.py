"""Sweep: goes through jobs and open tickets each minute, so that nothing lost leaves one waiting."""
