"""Probes: tasks of XLand drawn by hand, and how their files are read."""
