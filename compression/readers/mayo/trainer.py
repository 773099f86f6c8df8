"""Mayo's trainers: a rule for the learning rate, and flags of main.py for everything else."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from compression.readers.arguments import is_number, typed
from compression.readers.mayo.files import said, section
from compression.readers.mayo.notes import Notes
from compression.readers.mayo.rates import FUNCTIONS, UNTRANSLATED, Clock, Falling
from compression.readers.reading import Verdict
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from proxyless_nas.language.merging import split_key
from proxyless_nas.language.values import Map, Place, refuse
from training.plan import RATE_IS_FOR
from training.rates import AnyRule, Milestones

KEYS = ("learning_rate", "optimizer", "moving_average_decay")
OTHERS = ("AdamOptimizer", "RMSPropOptimizer", "AdagradOptimizer", "AdadeltaOptimizer",
          "FtrlOptimizer")  # fmt: skip


class _Descent(Struct, frozen=True, kw_only=True):
    use_locking: bool = False
    name: str | None = None


class _Momentum(_Descent, frozen=True, kw_only=True):
    momentum: float
    use_nesterov: bool = False


OPTIMIZERS: dict[str, type[Struct]] = {
    "GradientDescentOptimizer": _Descent,
    "MomentumOptimizer": _Momentum,
}


class Trainer:
    """What `train` and `system` say."""

    def __init__(self, config: Config, notes: Notes, learnt: int) -> None:
        self._config, self._notes, self._learnt = config, notes, learnt

    def rates(self) -> tuple[AnyRule, ...]:
        """The rule, where there is one; everything else is told.

        ValueError with FILE:LINE for what is unknown or wrong.
        """
        train = section(self._config, "train", KEYS)
        section(self._config, "system")
        self._sizes()
        self._optimizer(train)
        if "moving_average_decay" in train:
            value = self._number("train.moving_average_decay")
            self._say("train.moving_average_decay", "translated", f"--ema {value:g}")
        return self._rates(train)

    def _sizes(self) -> None:
        flags = {
            "batch_size_per_gpu": "--batch-size {0}",
            "num_gpus": "that many workers, or --accumulate {0}",
            "max_epochs": "--epochs {0}",
        }
        for key, words in flags.items():
            if said(self._config, f"system.{key}"):
                value = self._number(f"system.{key}")
                self._say(f"system.{key}", "translated", words.format(f"{value:g}"))

    def _optimizer(self, train: Map) -> None:
        if train.get("optimizer") is None:
            return
        args, kind, place = self._called("train.optimizer")
        if kind in OTHERS:
            self._say(
                "train.optimizer", "cannot be", "all training here is stochastic gradient descent "
                "with momentum", place, kind,
            )  # fmt: skip
            return
        if kind not in OPTIMIZERS:
            hint = did_you_mean(kind, [*OPTIMIZERS, *OTHERS])
            refuse(place, (), f"no optimizer {kind}{hint}")
        found = typed(OPTIMIZERS[kind], args, place, kind)
        momentum = found.momentum if isinstance(found, _Momentum) else 0.0
        nesterov = isinstance(found, _Momentum) and found.use_nesterov
        words = f"--momentum {momentum:g}{' --nesterov' if nesterov else ''}"
        self._say("train.optimizer", "translated", words, place, kind)

    def _rates(self, train: Map) -> tuple[AnyRule, ...]:
        key = "train.learning_rate"
        if train.get("learning_rate") is None:
            return ()
        value = self._config.get(key)
        if is_number(value):
            constant, place = Falling(Milestones(at=())), train.places["learning_rate"]
            return self._fallen(constant, self._number(key), place, "constant")
        args, kind, place = self._called(key)
        if kind in UNTRANSLATED:
            self._say(key, "cannot be", UNTRANSLATED[kind], place, kind)
            return ()
        if kind not in FUNCTIONS:
            hint = did_you_mean(kind, [*FUNCTIONS, *UNTRANSLATED])
            refuse(place, (), f"no function {kind} of the step for a rate{hint}")
        function, rule = FUNCTIONS[kind]
        given = typed(function, args, place, kind)
        first = next(iter(getattr(given, "values", ())), given.learning_rate)
        if first is None and f"{key}._initial" in self._config:
            first = self._number(f"{key}._initial")
        if first is None:
            refuse(place, (), f"{kind} needs learning_rate")
        if first <= 0:
            refuse(place, (), f"{kind}: a learning_rate is above 0, not {first:g}")
        return self._fallen(rule(given, first, self._clock()), first, place, kind)

    def _fallen(self, found: Falling, first: float, place: Place, kind: str) -> tuple[AnyRule, ...]:
        """The rule, and what there is to say of it."""
        rule, key = found.rule, "train.learning_rate"
        if rule is None:
            self._say(key, "cannot be", found.why, place, kind)
            return ()
        batch = self._batch()
        words = [
            f"rule {rule.__struct_config__.tag}, in the place of --lr-scheduler and "
            "--warmup-epochs",
            f"the rate {first:.10g} that it begins with is --base-lr "
            f"{first * RATE_IS_FOR / batch:.10g} at {batch:g} images per step",
            *found.differs,
        ]
        late = ["the first epoch has the rate that it begins with"] if self._learnt else []
        verdict: Verdict = "differs" if found.differs or late else "translated"
        self._say(key, verdict, "; ".join([*words, *late]), place, kind)
        return (replace(rule, learnt=self._learnt),)

    def _clock(self) -> Clock:
        return Clock(self._number("system.max_epochs"), self._learnt)

    def _batch(self) -> float:
        """Images per step."""
        if "system.batch_size" in self._config:
            return self._number("system.batch_size")
        return self._number("system.batch_size_per_gpu") * self._number("system.num_gpus")

    def _called(self, key: str) -> tuple[Map, str, Place]:
        """Arguments and last name of what a `type` names, and where."""
        value, place = self._config.get(key), self._config.place(key)
        if not isinstance(value, Map) or not isinstance(value.get("type"), str):
            refuse(place, split_key(key), "a map with a `type`")
        args = Map(one for one in value.lines() if one[0] != "type" and not one[0].startswith("_"))
        return args, value["type"].rpartition(".")[2], value.places["type"]

    def _number(self, key: str) -> float:
        """A finite number above 0. ValueError with FILE:LINE for anything else."""
        value: Any = self._config.get(key)
        if not is_number(value) or value <= 0:
            refuse(self._config.place(key), split_key(key), f"{value!r} is no number above 0")
        return float(value)

    def _say(
        self, key: str, verdict: Verdict, words: str, place: Place | None = None, kind: str = ""
    ) -> None:
        at = place or self._config.place(key)
        assert at is not None
        self._notes.say(at, f"{key} ({kind})" if kind else key, verdict, words)
