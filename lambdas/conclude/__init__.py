"""Conclude: ends a job, whatever ended its execution. One outcome is recorded, and its event published."""
