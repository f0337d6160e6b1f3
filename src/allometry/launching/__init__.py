"""Launching: starts the workers that train a study, here or elsewhere.

A worker is `allometry work STORE` and finds all that it needs in the store. Nothing
here decides a number.
"""
