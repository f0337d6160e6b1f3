"""The intrinsic-performance law: size and interactions, made comparable by compute.

Hilton, Tang and Schulman 2023, arXiv 2301.13442.
"""
