"""HAQ's agent (Wang et al. 2019): what it sees of layers, remembers, and learns."""

from search.ddpg.agent import Agent
from search.ddpg.excess_walk import SEEN_OF_KNOBS, ExcessWalk
from search.ddpg.layers import BitLayer
from search.ddpg.settings import Settings
from search.ddpg.walk import SEEN, Walk

__all__ = ["SEEN", "SEEN_OF_KNOBS", "Agent", "BitLayer", "ExcessWalk", "Settings", "Walk"]
