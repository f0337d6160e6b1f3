"""Registry: agents by key, so that a file can name one without naming code."""

from allometry.agents.ppo import PPO

AGENTS = {"ppo": PPO}
