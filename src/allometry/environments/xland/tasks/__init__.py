"""Tasks of XLand: worlds and games, sampled from their numbers."""
