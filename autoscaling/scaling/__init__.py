"""How AWS scales, as plain functions and one small machine: no clock, no cloud, no simulation in here.

The same code answers inside the simulators and, once a minute, for the real processes of the local cloud.
"""
