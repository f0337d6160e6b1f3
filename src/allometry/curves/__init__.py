"""Curves: learning curves as tidy tables with units, and where they are kept.

Belongs here: the tables' columns and units, the store on disk, and one importer per
foreign format. Knows no agents: any log becomes the same table.
"""
