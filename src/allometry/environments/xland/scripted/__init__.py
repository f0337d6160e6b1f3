"""Scripted players of XLand, with full knowledge: solver, ways, skills."""
