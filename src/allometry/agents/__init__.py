"""Agents: how they learn.

Belongs here: one file per algorithm, and what algorithms share exactly once (loop,
rollout, returns, distributions, samplers). Joins environments and networks.
"""
