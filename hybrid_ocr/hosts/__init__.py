"""Hosts: thin adapters that run a stage somewhere. A stage knows none of them."""
