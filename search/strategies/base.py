"""What the loop asks of a strategy: a path to train, networks to judge, and the answer."""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from search.choices import Choices, Evidence


class Strategy(Protocol):
    """Decides; all its chance comes from one seeded generator of its own.

    In every worker it is told the same, so it says the same.
    """

    def sample(self) -> Choices:
        """The path of the next weight step."""
        ...

    def ask(self) -> Sequence[Choices]:
        """What to judge in one architecture step."""
        ...

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """The judgement of what was asked, in its order."""
        ...

    def best(self) -> Choices:
        """The answer, as far as it is known."""
        ...

    def probabilities(self) -> Tensor:
        """[knobs, widest]: how likely each option is to be sampled; 0 where there is none."""
        ...

    def told(self) -> dict[str, float]:
        """Numbers of its own that belong into the log."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything that its next word depends on."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        ...
