"""The third step: the narrower network learns again, by the loop that trains every network."""

from pathlib import Path

from msgspec.structs import replace

from compression.apply import write_what_is_left
from compression.pruning.config import Pruning
from compression.pruning.widths_file import WIDTHS, Widths, read_widths, thinned
from proxyless_nas.files import read_json
from training.config import TrainConfig
from training.run import Extras, run_training
from training.run_folder import keep_same

TUNED = "finetune"


def finetune(config: Pruning) -> None:
    """Train below `out`/finetune, on one worker or many; an interrupted run continues there."""
    widths = read_widths(config)

    def extras_of(train: TrainConfig) -> Extras:
        return Extras(
            first=lambda train, subject: thinned(config, widths, train, subject),
            begun=lambda out: keep_same(out / WIDTHS, widths, WIDTHS),
            finished=write_what_is_left,
        )

    run_training(replace(config.train, out=str(Path(config.out) / TUNED)), extras_of)


def must_not_be_tuned(config: Pruning, widths: Widths) -> None:
    """ValueError where another choice of channels is being tuned in this folder already."""
    file = Path(config.out) / TUNED / WIDTHS
    if file.exists() and read_json(file, Widths) != widths:
        raise ValueError(
            f"{file.parent} tunes what an earlier `prune` has left: delete it, or name another "
            "`out`"
        )
