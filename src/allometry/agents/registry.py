"""Registry: agents by key, so that a file can name one without naming code."""

from allometry.agents.on_policy import OnPolicy
from allometry.agents.ppg import PPG
from allometry.agents.ppo import PPO
from allometry.agents.vmpo import VMPO

AGENTS: dict[str, type[OnPolicy]] = {"ppo": PPO, "ppg": PPG, "vmpo": VMPO}
