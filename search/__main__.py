"""`python -m search COMMAND`: find a network for a device."""

from proxyless_nas.command import Command, run_many
from search.config import EvolutionConfig, ProxylessConfig, RandomConfig, ReinforceConfig
from search.front import FrontConfig, front
from search.precision.config import HaqConfig
from search.precision.run import run_haq
from search.run import search
from search.show import ShowConfig, show
from search.spaces import SpacesConfig, tell_space

COMMANDS = {
    "proxyless": Command(ProxylessConfig, search),
    "proxyless-r": Command(ReinforceConfig, search),
    "evolution": Command(EvolutionConfig, search),
    "random": Command(RandomConfig, search),
    "haq": Command(HaqConfig, run_haq),
    "front": Command(FrontConfig, front),
    "show": Command(ShowConfig, show),
    "spaces": Command(SpacesConfig, tell_space),
}

if __name__ == "__main__":
    run_many("python -m search", COMMANDS)
