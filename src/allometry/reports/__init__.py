"""Reports: every picture is drawn from the store and nothing else.

Belongs here: figures, the page and the fit card. Reads curves and laws; never an
environment, an agent or a study.
"""
