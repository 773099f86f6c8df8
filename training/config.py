"""Everything a training run can be told."""

from typing import Annotated, Literal

from msgspec import Struct

from proxyless_nas.command import short
from training.datasets import DatasetName, Interpolation, NormalisationName
from training.device import DeviceName
from training.optimizer import Exempt
from training.schedule import ScheduleName
from training.workers import EngineName

NumberFormat = Literal["float32", "bf16", "fp16"]


class TrainConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Train one network, on one worker or many; the same command continues a run that stopped.

    Alone: python main.py ...

    With Horovod: mpirun -np 8 python main.py ...

    With torch.distributed: torchrun --nproc-per-node 8 main.py ...
    """

    arch: Annotated[str, short("a")]
    """The network: a file (ours, the original's, YAML), a published name, one of torchvision's, or
    module:function, code of your own that makes one (with --resolution and --num-classes)."""
    out: Annotated[str | None, short("o")] = None
    """Run folder for config, log, checkpoints, weights.pt and result.json; default: below
    --log-dir, named ARCH-EPOCHS-SCHEDULE[-color_jitter][-label_smoothing]."""
    log_dir: str = "./logs"
    """Where run folders without a name of their own are put."""
    resume: bool = True
    """Continue what the run folder holds; --no-resume deletes its log and checkpoints first."""
    format: str | None = None
    """Keep the state after every epoch too, as a file of this name in the run folder:
    checkpoint-{epoch}.pth.tar."""

    dataset: DatasetName | None = None
    """Which data; default: told from the network, as by eval.py."""
    path: Annotated[str | None, short("p")] = None
    """The data: the folder that holds train/ and val/, CIFAR-10 in any form, Fashion-MNIST's
    folder; without it the known places are tried."""
    train_dir: str | None = None
    """Folder of training classes, for imagenet and folder; default: PATH/train, for imagenet
    without a path /ssd/dataset/imagenet/train."""
    val_dir: str | None = None
    """Folder of validation classes; default: PATH/val, or /ssd/dataset/imagenet/val."""
    num_classes: int | None = None
    """Classes to tell apart; default: the folder's for --dataset folder, else the network's."""
    resolution: int | None = None
    """Side of the input in pixels, for imagenet and folder; default: the network's."""
    normalise: NormalisationName | None = None
    """Mean and deviation of pixels (half: 0.5 and 0.5); default: the dataset's own."""
    interpolation: Interpolation | None = None
    """How image files are scaled; default: bilinear."""
    limit: int | None = None
    """Use only so many training and so many test images."""
    held_out: int | None = None
    """Score on so many training images, kept from training, instead of the test set: for tuning."""
    workers: Annotated[int | None, short("j")] = None
    """Processes that decode image files, for each worker; default: its share of the cores."""

    epochs: int = 150
    """Passes over the training images; 0 scores, and does what a recipe does without any."""
    batch_size: Annotated[int, short("b")] = 64
    """Images that one worker takes at once."""
    accumulate: int = 1
    """Batches of each worker whose gradients make one step."""
    global_batch: int | None = None
    """Images per step over all workers; default: batch size x workers x accumulate. A run that
    continues keeps it, whatever the number of workers."""
    val_batch_size: int = 64
    """Images per step of an evaluation."""
    val_every: int | None = 1
    """Epochs between evaluations; None: only one, at the end."""

    base_lr: float = 0.0125
    """Peak learning rate for 64 images per step; scaled with the images per step."""
    lr_scheduler: ScheduleName = "cosine"
    """How it falls: half a cosine to zero, or (`linear`, as the original calls it) to a tenth at
    epochs 30, 60 and 90."""
    warmup_epochs: float = 5.0
    """Epochs over which it rises from one worker's rate, or alone from zero, to the peak."""
    momentum: float = 0.9
    """Momentum."""
    nesterov: bool = False
    """Nesterov's momentum."""
    wd: float = 5e-5
    """Weight decay."""
    no_wd_bn: bool = False
    """Exempt batch norms and biases from weight decay."""
    no_wd: tuple[Exempt, ...] = ()
    """Kinds of parameters to exempt from weight decay."""
    clip_norm: float | None = None
    """Scale gradients down to this norm where it is larger."""
    ema: float | None = None
    """Decay of an exponential average of weights and statistics, which is then scored and kept."""
    reestimate_bn: int | None = None
    """Before the last evaluation estimate batch-norm statistics anew on so many steps' images."""

    label_smoothing: bool = False
    """Train on labels smoothed by 0.1."""
    teacher: str | None = None
    """Learn from this network too; names as for --arch."""
    teacher_weights: str | None = None
    """The teacher's weights; default: the weights.pt beside its file, or the published ones."""
    teacher_weight: float = 0.5
    """The teacher's share of the loss, in [0, 1]."""
    temperature: float = 4.0
    """Softens the teacher's and the student's answers."""
    pretrained: bool = False
    """Start from the published weights of the name; a classifier of another size starts fresh."""
    weights: str | None = None
    """Start from the weights in this file, likewise."""

    compress: str | None = None
    """Compress the network while it learns, as this recipe (YAML), a schedule of Distiller's, a
    file of Mayo's or a command of PocketFlow's says; weights.pt is then what is left, as a plain
    network."""

    color_jitter: bool = False
    """The same as --distort-color strong."""
    distort_color: Literal["strong", "normal"] | None = None
    """Random brightness, contrast, saturation and hue (0.4, 0.4, 0.4, 0.1), or, normal,
    brightness and saturation (32/255, 0.5)."""
    resize_scale: float = 0.08
    """Least share of an image file's area that a random crop takes."""
    flip: bool = True
    """Mirror half of the images left to right; digits (mnist) stay as they are."""
    shift: int = 0
    """Random shifts of up to so many pixels, for images in memory."""
    cutout: int | None = None
    """Side in pixels of a square cut out of every training image."""
    erasing: float = 0.0
    """Share of training images that lose a random rectangle."""
    mixup: float = 0.0
    """Mix pairs of images: alpha of the Beta distribution; 0 for none."""
    cutmix: float = 0.0
    """Paste a part of another image into each: alpha of the Beta distribution; 0 for none."""
    dropout: float | None = None
    """Probability in front of the classifier; default: the network's."""
    path_drop: float = 0.0
    """Tree networks: probability that an edge is dropped for an image."""
    cell_drop: float = 0.0
    """Tree networks: the same for the branch of a whole block, on average; rises with depth."""

    distributed: EngineName = "auto"
    """Who carries gradients between workers; auto: Horovod under mpirun, torch.distributed under
    torchrun, nobody otherwise."""
    fp16_allreduce: bool = False
    """Let gradients travel between workers as half-precision numbers."""
    device: DeviceName = "auto"
    """Where the network runs; auto is a GPU where there is one."""
    no_cuda: bool = False
    """The same as --device cpu."""
    precision: NumberFormat = "float32"
    """What the network computes in: bf16 and fp16 are torch's automatic mixed precision."""
    channels_last: bool = True
    """Keep the channels of a pixel together in memory, where torch's slopes are right with that."""
    compile: bool = False
    """Compile the network with torch.compile."""
    threads: int | None = None
    """CPU threads of each worker; default: its share of the cores."""
    seed: int = 42
    """Seed of weights, order, augmentation and dropout."""
    log_every: int = 50
    """Steps per line of the log; an epoch ends with one too."""
    checkpoint_seconds: float = 20.0
    """A killed run loses at most so much work."""

    def __post_init__(self) -> None:
        least = {"epochs": 0, "batch_size": 1, "accumulate": 1, "val_batch_size": 1, "log_every": 1}
        least |= {"val_every": 1, "global_batch": 1, "num_classes": 1, "reestimate_bn": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise ValueError(f"{_flag(name)} {value} is below {bound}")
        for name in ("base_lr", "warmup_epochs", "momentum", "wd", "mixup", "cutmix"):
            if getattr(self, name) < 0:
                raise ValueError(f"{_flag(name)} {getattr(self, name)} is below 0")
        for name in ("erasing", "teacher_weight", "dropout", "ema"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{_flag(name)} {value} is not between 0 and 1")
        for name in ("temperature", "clip_norm"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{_flag(name)} {value} is not above 0")
        if self.format is not None and "{epoch}" not in self.format:
            raise ValueError(
                f"--format {self.format!r} lacks {{epoch}}: files would be overwritten"
            )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


MAY_DIFFER = (
    *("out", "log_dir", "resume", "path", "train_dir", "val_dir", "workers", "val_batch_size"),
    *("distributed", "device", "no_cuda", "threads", "checkpoint_seconds"),
)
"""What a run may be told anew when it continues: nothing that its numbers should depend on."""
