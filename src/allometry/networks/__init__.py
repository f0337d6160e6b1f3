"""Networks: how agents think.

Belongs here: torsos, memories and heads, the rule that turns one number into a
network, and what a network costs in parameters and FLOPs. Knows no environments.
"""
