"""The numbers of HAQ's agent, as its authors released it."""

from msgspec import Struct


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the agent explores, remembers and learns."""

    hidden: tuple[int, int] = (300, 300)
    """Widths of the actor and of the critic."""
    actor_lr: float = 1e-4
    """Adam's learning rate of the actor."""
    critic_lr: float = 1e-3
    """Adam's learning rate of the critic."""
    tau: float = 0.01
    """How far targets follow in one update."""
    discount: float = 1.0
    """Worth of the next step's reward."""
    warmup: int = 20
    """Episodes in which actions are uniform and nothing is learned."""
    noise: float = 0.5
    """Standard deviation of actions behind the warm-up."""
    noise_decay: float = 0.99
    """What is left of it after an episode."""
    batch_size: int = 64
    """Steps per update."""
    memory: int = 64
    """Latest episodes that are remembered."""
    updates: int = 1
    """Updates per step of an episode."""
    reward_scale: float = 10.0
    """Reward for an accuracy higher by 1: 0.1 per percent."""
    baseline_rate: float = 0.5
    """How far the baseline goes to the mean reward of a batch."""

    def sigma(self, episode: int) -> float:
        """The noise of an episode behind the warm-up, counted from 0."""
        return self.noise * self.noise_decay ** (episode - self.warmup)
