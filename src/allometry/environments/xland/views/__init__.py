"""Views of XLand: what players observe."""
