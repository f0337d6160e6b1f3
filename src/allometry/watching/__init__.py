"""Watching: what the record of a study tells about its training.

Belongs here: how far it is, what it has cost, how long it will take, what happened.
Reads stores and nothing else, writes nothing, and loads no JAX.
"""
