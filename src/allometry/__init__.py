"""Allometry: the instrument for scaling laws of reinforcement learning.

A room stands above all that it imports (`docs/house.md` draws the plan):

    floor 4    cli
    floor 3    reports              studies
    floor 2       │                 agents
    floor 1    laws    curves    environments    networks

Nothing is imported here, so that `import allometry.laws` loads no JAX and
`allometry fit --help` answers at once.
"""

__version__ = "0.1.0"
