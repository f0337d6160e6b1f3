"""Launching: where the workers of a study are started.

Belongs here: processes of this machine, Ray, Slurm, one file each. What they start is
always `allometry work STORE`, which finds out from the store what is left to do: a job
is told the store's place and the options of that command, in words, and nothing else.
Trains nothing itself, and decides no number.
"""
