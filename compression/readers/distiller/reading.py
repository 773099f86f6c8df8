"""A whole schedule of Distiller's: its policies, one by one, as steps and rules."""

from msgspec import Struct
from msgspec.structs import replace

from compression.readers.arguments import typed
from compression.readers.distiller import after_training, pruners, quantizers, rates, regularizers
from compression.readers.distiller.classes import (
    WHY,
    Which,
    must_be_known,
    removal_of,
    rule_of,
    said_of,
)
from compression.readers.distiller.drafts import Context, Draft
from compression.readers.distiller.masking import (
    Manner,
    Planned,
    PrunerArgs,
    merged,
    when,
    with_what_leaves,
)
from compression.readers.distiller.names import Names, wheres
from compression.readers.distiller.parsing import Component, PolicyOf, Schedule, parse
from compression.readers.reading import Note, Reading, Verdict
from compression.recipe import Recipe
from compression.schedule import Listed
from compression.steps import AnyStep, PenaltyStep, QuantizeStep, RemoveStep
from proxyless_nas.language.values import Place, refuse
from proxyless_nas.subject import Subject
from training.rates import AnyRule


class Kept(Struct, frozen=True, kw_only=True):
    """What a regularizer's policy may be told."""

    keep_mask: bool = False


class Nothing(Struct, frozen=True):
    """What other policies are told."""


def read(text: str, file: str, subject: Subject, learnt: int) -> Reading:
    """The recipe in a schedule for `subject`, which goes on `learnt` epochs behind its beginning.

    ValueError with FILE:LINE for an unknown class, argument or parameter, and what is wrong in it.
    """
    return _Reading(parse(text, file), subject, learnt).read()


class _Reading:
    """One schedule that is being read."""

    def __init__(self, schedule: Schedule, subject: Subject, learnt: int) -> None:
        self._schedule, self._learnt = schedule, learnt
        self._names = Names(subject)
        self._notes: list[Note] = []
        self._penalties: list[PenaltyStep] = []
        self._masks: list[Planned] = []
        self._removals: list[RemoveStep] = []
        self._quantizers: list[QuantizeStep] = []
        self._rules: list[AnyRule] = []

    def read(self) -> Reading:
        components = list(self._schedule.components.values())
        for component in components:
            self._look_at(component)
        if sum(one.section == "quantizers" for one in components) > 1:
            last = [one for one in components if one.section == "quantizers"][-1]
            refuse(last.place, (), "a schedule has one quantizer at most")
        for policy in self._schedule.policies:
            self._follow(policy)
        masks = [step for planned in self._masks for step in planned.steps()]
        steps: tuple[AnyStep, ...] = (
            *self._penalties,
            *masks,
            *self._removals,
            *self._quantizers,
        )
        recipe = Recipe(steps, tuple(self._rules)) if steps or self._rules else None
        order = sorted(self._notes, key=lambda note: note.place.line)
        return Reading(recipe=recipe, notes=tuple(order))

    def _say(self, place: Place, what: str, verdict: Verdict, words: str) -> None:
        self._notes.append(Note(place, what, verdict, words))

    def _look_at(self, one: Component) -> None:
        must_be_known(one)
        self._say(one.place, one.told, *said_of(one, self._names))
        used = any(policy.component is one for policy in self._schedule.policies)
        if not used and one.kind != after_training.NAME:
            self._say(one.place, one.told, "translated", "no policy names it: it does nothing")

    def _follow(self, policy: PolicyOf) -> None:
        one = policy.component
        if one.kind in WHY or one.kind == after_training.NAME:
            self._say(policy.place, policy.told, "cannot be", "its component is not in the recipe")
            return
        if one.section == "lr_schedulers":
            self._rate(policy)
            return
        shifted = self._shifted(policy)
        if shifted is None:
            self._say(policy.place, policy.told, "translated", "its epochs are over: left out")
        elif one.section == "pruners":
            self._prune(shifted)
        elif one.section == "regularizers":
            self._regularize(shifted)
        elif one.section == "quantizers":
            self._quantize(shifted)
        else:
            self._remove(shifted)

    def _shifted(self, policy: PolicyOf) -> PolicyOf | None:
        """The policy in the epochs of this training; None where it is over."""
        timing, learnt = policy.timing, self._learnt
        if timing.end <= learnt:
            return None
        if timing.begin < learnt and policy.component.section == "pruners":
            refuse(
                timing.place, (), f"it begins at epoch {timing.begin}, and {learnt} are learnt: a "
                "pruner cannot be entered half way"
            )  # fmt: skip
        left = tuple(epoch - learnt for epoch in timing.epochs if epoch >= learnt)
        return replace(policy, timing=replace(timing, epochs=left, end=timing.end - learnt))

    def _rate(self, policy: PolicyOf) -> None:
        one = policy.component
        typed(Nothing, policy.args, policy.place, policy.told)
        if policy.timing.end <= self._learnt:
            self._say(policy.place, policy.told, "translated", "its epochs are over: left out")
            return
        found = rates.timed(rule_of(one), policy.timing, self._learnt)
        self._rules.append(found)
        self._say(
            policy.place, policy.told, "translated",
            "in the place of --lr-scheduler and --warmup-epochs; its peak is --base-lr, which is "
            "for 64 images per step: Distiller's --lr times 64 / batch",
        )  # fmt: skip

    def _prune(self, policy: PolicyOf) -> None:
        one, timing = policy.component, policy.timing
        args = typed(PrunerArgs, policy.args, policy.place, policy.told)
        if args.levels is not None and one.kind != "SparsityLevelParameterPruner":
            refuse(policy.args.places["levels"], (), f"{one.told} has no levels")
        kind = pruners.PRUNERS[one.kind]
        own = typed(kind.args, one.args, one.place, one.told)
        if args.levels is not None:
            own = pruners.Level(levels=args.levels)
        drafts = kind.drafts(Context(one, self._names, timing), own)
        words: list[str] = []
        for which in self._leaving():
            split = [with_what_leaves(draft, self._names, which) for draft in drafts]
            drafts = [draft for each, _ in split for draft in each]
            words += [word for _, each in split for word in each]
        manner = Manner(
            below=args.below,
            again=args.mini_batch_pruning_frequency or None,
            lasts=1 if args.discard_masks_at_minibatch_end else None,
        )
        keeps = args.keep_mask and timing.epochs[-1] == timing.end - 1
        if args.keep_mask and not keeps:
            words.append("keep_mask comes into force here; there its epoch is never reached")
        if args.mask_on_forward_only and not keeps and manner.lasts is None:
            words.append("what is masked is zero in what is left, there it is what it was last")
        if args.skip_first_minibatch:
            words.append("the first mask comes before the first step, there before the second")
        planned = [
            replace(manner, folded=folded)
            for folded in ((True, False) if args.fold_batchnorm else (False,))
        ]
        for draft in drafts:
            for how, part in zip(planned, self._by_norm(draft, args.fold_batchnorm), strict=True):
                if part is not None:
                    self._plan(policy, Planned(draft=part, manner=how, timing=timing), words)
        self._say_of(policy, words)

    def _by_norm(self, draft: Draft, fold: bool) -> list[Draft | None]:
        """The draft; with `fold`, that of layers before a batch norm, and that of the others."""
        if not fold:
            return [draft]
        norms = self._names.norms()
        parts = [
            tuple(one for one in draft.tensors if (one.layer in norms) is has)
            for has in (True, False)
        ]
        return [replace(draft, tensors=part) if part else None for part in parts]

    def _plan(self, policy: PolicyOf, new: Planned, words: list[str]) -> None:
        """Put masks beside, or together with, those that are there already."""
        for number, old in enumerate(self._masks):
            if not old.tensors & new.tensors:
                continue
            if old.structured != new.structured:
                words.append("where structures are gone too, a share is one of what they leave")
                continue
            both = merged(old, new)
            if both is None:
                names = ", ".join(self._names.named(one) for one in old.tensors & new.tensors)
                self._say(
                    policy.place, policy.told, "cannot be",
                    f"{names}: masked by an earlier policy in another way, and left out here",
                )  # fmt: skip
                left = tuple(one for one in new.draft.tensors if one not in old.tensors)
                if not left:
                    return
                new = replace(new, draft=replace(new.draft, tensors=left))
                continue
            self._masks[number] = both
            return
        self._masks.append(new)

    def _leaving(self) -> list[Which]:
        """What extensions of the schedule remove."""
        removers = [
            policy.component
            for policy in self._schedule.policies
            if policy.component.section == "extensions"
        ]
        return list(dict.fromkeys(removal_of(one) for one in removers))

    def _regularize(self, policy: PolicyOf) -> None:
        one, timing = policy.component, policy.timing
        args = typed(Kept, policy.args, policy.place, policy.told)
        kind = regularizers.REGULARIZERS[one.kind]
        own = typed(kind.args, one.args, one.place, one.told)
        found = kind.does(Context(one, self._names, timing), own)
        words: list[str] = []
        span = replace(timing, epochs=tuple(range(timing.begin, timing.end)), frequency=1)
        for pressed in found.penalties:
            strength = pressed.strength
            if span.epochs != timing.epochs:
                strength = Listed(
                    to=tuple(pressed.strength * (e in timing.epochs) for e in span.epochs)
                )
            for where in wheres(pressed.tensors):
                self._penalties.append(
                    PenaltyStep(kind=pressed.kind, strength=strength, where=where, when=when(span))
                )
        keeps = args.keep_mask and timing.epochs[-1] == timing.end - 1
        manner = Manner(below="from-zero", again=1, stays=keeps)
        for draft in found.masks:
            words.append("what is below the threshold is zero before a step, there behind the last")
            self._plan(policy, Planned(draft=draft, manner=manner, timing=timing), words)
        self._say_of(policy, words)

    def _quantize(self, policy: PolicyOf) -> None:
        typed(Nothing, policy.args, policy.place, policy.told)
        self._quantizers += quantizers.steps_of(policy.component, self._names)[0]
        words = "from the first step to the last, whatever its epochs, as there"
        self._say(policy.place, policy.told, "translated", words)

    def _remove(self, policy: PolicyOf) -> None:
        typed(Nothing, policy.args, policy.place, policy.told)
        first = policy.timing.begin
        once = replace(policy.timing, epochs=(first,), end=first + 1)
        self._removals.append(RemoveStep(which=removal_of(policy.component), when=when(once)))
        self._say(policy.place, policy.told, "translated", f"once, at epoch {first}")

    def _say_of(self, policy: PolicyOf, words: list[str]) -> None:
        """When it works, and in what it differs."""
        timing = policy.timing
        span = f"epochs {timing.begin} to {timing.end - 1}"
        every = f", every {timing.frequency}" if (timing.frequency or 1) > 1 else ""
        verdict: Verdict = "differs" if words else "translated"
        told = "; ".join([f"{span}{every}", *dict.fromkeys(words)])
        self._say(policy.place, policy.told, verdict, told)
