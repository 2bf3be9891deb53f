"""Hosts: thin adapters that run a stage in a container or a function. A stage knows none of them."""
