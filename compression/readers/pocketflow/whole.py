"""What becomes of the flags that all of PocketFlow's learners have."""

from compression.readers.pocketflow.learning import CHECKPOINT, Asked
from compression.readers.reading import Said
from compression.steps import TeachStep


def of_training(asked: Asked) -> dict[str, Said]:
    """Of each flag of the training: most are flags of main.py, or of no meaning here."""
    given, length = asked.command.training, asked.length
    flags: Said = ("translated", f"main.py {length.words}")
    workers = given.nb_gpus
    run = f"torchrun --nproc-per-node {workers} main.py" if workers > 1 else "main.py alone"
    data: Said = ("cannot be", "--path of main.py names the data")
    arch: Said = ("translated", f"--arch names the network: {asked.subject.source}")
    return {
        "exec_mode": (
            ("translated", "a training is read")
            if given.exec_mode == "train"
            else ("differs", "no training, a command: python eval.py --arch ARCH --weights FILE")
        ),
        "nb_gpus": ("translated", run),
        "enbl_multi_gpu": ("translated", "torchrun or mpirun main.py"),
        "enbl_warm_start": ("translated", "main.py --weights FILE"),
        "nb_epochs_rat": ("translated", f"{length.epochs} epochs: main.py --epochs"),
        **dict.fromkeys(
            ("lrn_rate_init", "batch_size", "batch_size_norm", "momentum", "loss_w_dcy"), flags
        ),
        "batch_size_eval": ("translated", f"main.py --val-batch-size {given.batch_size_eval}"),
        "nb_smpls_train": (
            "translated",
            f"{length.per_epoch:.6g} steps are an epoch: steps are told in epochs",
        ),
        "nb_smpls_val": ("translated", f"main.py --held-out {given.nb_smpls_val}"),
        "nb_smpls_eval": ("cannot be", "all test images are looked at"),
        "nb_classes": ("translated", f"main.py --num-classes {given.nb_classes}"),
        "resnet_size": arch,
        "mobilenet_version": arch,
        "mobilenet_depth_mult": arch,
        "summ_step": ("translated", f"main.py --log-every {given.summ_step}"),
        "save_step": ("cannot be", "a run that was stopped continues; --format keeps every epoch"),
        "log_dir": ("translated", f"main.py --log-dir {given.log_dir}"),
        "debug": ("cannot be", "there is one kind of log"),
        "save_path": CHECKPOINT,
        "save_path_eval": CHECKPOINT,
        "model_http_url": CHECKPOINT,
        "data_disk": data,
        "data_hdfs_host": data,
        **{f"data_dir_{where}": data for where in ("local", "hdfs", "seven", "docker")},
    }


def teacher(asked: Asked) -> tuple[tuple[TeachStep, ...], dict[str, Said]]:
    """The step of a teacher, where one is asked for, and what becomes of its flags.

    PocketFlow adds `loss_w_dst` times the cross-entropy with softened answers, without T^2.
    """
    own = asked.command.distillation
    if not own.enbl_dst:
        unused: Said = ("translated", "there is no teacher without --enbl_dst")
        names = ("loss_w_dst", "tempr_dst", "save_path_dst")
        return (), {**dict.fromkeys(names, unused), "enbl_dst": ("translated", "no teacher")}
    strength = own.loss_w_dst / own.tempr_dst**2
    step = TeachStep(strength=strength, temperature=own.tempr_dst)
    told = f"`strength: {strength:g}`, which is {own.loss_w_dst:g} / T^2"
    return (step,), {
        "enbl_dst": (
            "translated",
            "`teach`: what the training begins with is the teacher: --weights FILE of one that "
            "has learned, or main.py --teacher in the place of the step",
        ),
        "loss_w_dst": ("translated", told),
        "tempr_dst": ("translated", f"`temperature: {own.tempr_dst:g}`; {told}"),
        "save_path_dst": CHECKPOINT,
    }
