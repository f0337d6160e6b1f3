"""Figures: each a function of tables and fits to a Plotly figure."""
