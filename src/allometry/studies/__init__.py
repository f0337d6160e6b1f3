"""Studies: from a grid of runs to one complete record each.

Belongs here: the study file, the grid and its bundles, the runner, executors,
checkpoints and evaluation. Trains agents and writes curves.
"""
