"""Early exits: heads behind parts of a network, so that easy images need not go all the way."""

from compression.exits.heads import Exit
from compression.exits.leaving import AnyRule, Confidence, Entropy, Leaving
from compression.exits.network import Answers, WithExits, add_exits

__all__ = [
    "Answers",
    "AnyRule",
    "Confidence",
    "Entropy",
    "Exit",
    "Leaving",
    "WithExits",
    "add_exits",
]
