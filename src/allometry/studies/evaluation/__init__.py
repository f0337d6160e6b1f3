"""Evaluation: how agents that adapt within an episode do on tasks they never met.

Belongs here: playing episodes by trial, fixed sets of test tasks, references that put
tasks on one scale, summaries over tasks, and the rows of the table of scores.
"""
