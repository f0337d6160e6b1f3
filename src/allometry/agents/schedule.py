"""Schedule: the ratio of collecting to learning."""

from typing import NamedTuple

from allometry.environments.environment import Environment


class Schedule(NamedTuple):
    """The ratio of collecting to learning: `length` steps of `copies`, one `learn`."""

    copies: int
    length: int

    def interactions(self, environment: Environment) -> int:
        """Count the agent steps of one iteration."""
        return self.copies * self.length * environment.spec.players
