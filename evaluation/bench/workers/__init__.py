"""Contestants, each in a process and perhaps an environment of its own; they share only the protocol."""
