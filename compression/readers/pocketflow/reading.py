"""A command line of PocketFlow's as a recipe, with a note for each of its flags."""

from msgspec.structs import fields

from compression.readers.pocketflow import channels, flags, rounding, sparse
from compression.readers.pocketflow.learning import NO_AGENT, OF_AGENT, Asked, Made
from compression.readers.pocketflow.nets import NETS, length_of
from compression.readers.pocketflow.parsing import LEARNERS, OWNERS, Command, parse
from compression.readers.pocketflow.whole import of_training, teacher
from compression.readers.reading import Note, Reading, Said
from compression.recipe import Recipe
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import Place, refuse
from proxyless_nas.subject import Subject

SHARED = (flags.Training, flags.Distillation, flags.Agent)


def read(text: str, file: str, subject: Subject, learnt: int) -> Reading:
    """The recipe in a command for `subject`, and a note for each flag.

    ValueError with FILE:LINE for an unknown flag, a value that it cannot have, a part that the
    network does not have, and for epochs that are `learnt`: no command goes on behind some.
    """
    if learnt:
        refuse(
            Place(file, 1), (), "a command of PocketFlow's goes on behind no epochs: no --learnt"
        )
    command = parse(text, file)
    asked = Asked(command, length_of(command), subject)
    made = _made(asked)
    taught, of_teacher = teacher(asked)
    said = {**of_training(asked), **of_teacher, **made.said, **_of_agent(command)}
    notes = [*command.notes, *_of_net(asked), _of_learner(asked, made)]
    notes += [
        Note(word.place, word.text, *_said(flag, command, said))
        for flag, word in command.given
        if flag != "learner"
    ]
    recipe = Recipe((*taught, *made.steps), asked.length.rates)
    order = sorted(notes, key=lambda note: note.place.line)
    trains = command.training.exec_mode == "train"
    return Reading(recipe=recipe if trains else None, notes=tuple(order))


def _made(asked: Asked) -> Made:
    own = asked.command.own
    match own:
        case flags.Channel():
            return channels.channel(own, asked)
        case flags.ChannelGpu():
            return channels.channel_gpu(own, asked)
        case flags.ChannelRmt():
            return channels.channel_rmt(own, asked)
        case flags.Discriminating():
            return channels.discriminating(own, asked)
        case flags.Sparse():
            return sparse.weight_sparse(own, asked)
        case flags.Uniform():
            return rounding.uniform(own, asked)
        case flags.Codebook():
            return rounding.non_uniform(own, asked)
        case flags.UniformTf():
            return rounding.uniform_tf(own, asked)
        case _:
            return Made(learner=("translated", "a training without compression: `rates`"))


def _of_agent(command: Command) -> dict[str, Said]:
    own = command.own
    searches = (
        getattr(own, "cp_prune_option", "") == "auto"
        or getattr(own, "ws_prune_ratio_prtl", "") == "optimal"
        or getattr(own, "uql_enbl_rl_agent", False)
        or getattr(own, "nuql_enbl_rl_agent", False)
    )
    told = OF_AGENT if searches else NO_AGENT
    return dict.fromkeys((field.name for field in fields(flags.Agent)), told)


def _said(flag: str, command: Command, said: dict[str, Said]) -> Said:
    """What becomes of a flag; one of another learner says nothing."""
    owner = OWNERS[flag]
    if owner in SHARED or isinstance(command.own, owner):
        return said[flag]
    learner = next(name for name, kind in LEARNERS.items() if kind is owner)
    return (
        "translated",
        f"of {learner}: it does nothing for {command.training.learner} there either",
    )


def _of_net(asked: Asked) -> list[Note]:
    """How long it trains, and at which rate."""
    command, length = asked.command, asked.length
    run = f"main.py --arch {asked.subject.source} {length.words}; `rates`"
    if length.assumed:
        hint = did_you_mean(length.name, [*NETS]) if length.name not in NETS else ""
        run += f"; no table of epochs of its own is known here{hint}: resnet_at_cifar10's is taken"
    place, what = command.top, "the training"
    if command.net is not None:
        place, what = command.net.place, command.net.text
    return [Note(place, what, "differs" if length.assumed else "translated", run)]


def _of_learner(asked: Asked, made: Made) -> Note:
    command = asked.command
    verdict, words = made.learner
    defaults = "; ".join(
        f"{name} {getattr(command.own, name)}: {told}"
        for name, (_, told) in made.said.items()
        if name not in command.places and told.startswith("`")
    )
    told = f"{words}; by default, {defaults}" if defaults else words
    name = f"--learner {command.training.learner}"
    return Note(command.at("learner"), name, verdict, told)
