"""Environments: where agents live.

Belongs here: the environment contract, our own environments and one adapter per
foreign library. Pure functions of state, action and key; knows no networks.
"""
