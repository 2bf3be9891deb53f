"""Dispatch: hands one stage of one batch to its endpoint, for a state that waits for the answer."""
