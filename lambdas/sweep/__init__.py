"""Sweep: goes through all open tickets each minute, so that no lost notice leaves a state waiting."""
