"""Laws of teaching: statistics, logs, and scores that count every image once."""

import pytest
import torch
from torch import nn

from proxyless_nas import hand_made
from training.batch_norm import batch_norms, reestimate, unrecorded
from training.evaluate import evaluate
from training.run_folder import RunFolder, read_log


def batches(count: int, size: int, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            3 + 2 * torch.randn(size, 1, 28, 28, generator=generator),
            torch.randint(0, 10, (size,), generator=generator),
        )
        for _ in range(count)
    ]


def test_reestimated_statistics_are_those_of_the_images() -> None:
    norm = nn.BatchNorm2d(1)
    seen = batches(5, 16)
    network = nn.Sequential(norm).eval()
    reestimate(network, seen)
    pixels = torch.cat([x for x, _ in seen])
    assert norm.running_mean is not None and norm.running_var is not None
    torch.testing.assert_close(norm.running_mean[0], pixels.mean())
    torch.testing.assert_close(norm.running_var[0], pixels.var(), rtol=1e-3, atol=1e-3)
    assert norm.momentum == 0.1
    assert not network.training


def test_unrecorded_statistics_are_the_batchs_and_leave_no_trace() -> None:
    network = hand_made("smoke").build(0).train()
    ((x, _),) = batches(1, 8)
    with torch.no_grad():
        before = {key: value.clone() for key, value in network.state_dict().items()}
        with unrecorded(batch_norms(network)):
            inside = network(x)
        for key, value in network.state_dict().items():
            assert torch.equal(value, before[key]), key
        torch.testing.assert_close(inside, network(x))
        changed = network.state_dict()["stem.bn.running_mean"]
        assert not torch.equal(changed, before["stem.bn.running_mean"])


def test_a_score_does_not_depend_on_how_images_are_batched() -> None:
    network = hand_made("smoke").build(0)
    ((x, y),) = batches(1, 50)
    whole = evaluate(network, [(x, y)])
    parts = evaluate(network, list(zip(x.split(7), y.split(7), strict=True)))
    assert (whole.top1, whole.top5, whole.images) == (parts.top1, parts.top5, parts.images)
    assert whole.loss == pytest.approx(parts.loss, rel=1e-5)
    assert whole.top1 <= whole.top5
    with torch.inference_mode():
        right = (network.eval()(x).argmax(1) == y).float().mean()
    assert whole.top1 == pytest.approx(float(right))


def test_an_empty_set_is_no_score() -> None:
    with pytest.raises(ValueError, match="empty"):
        evaluate(hand_made("smoke").build(0), [])


def test_a_resumed_log_forgets_what_came_after_the_checkpoint(tmp_path) -> None:
    from training.config import TrainConfig

    folder = RunFolder(tmp_path, TrainConfig(arch="a", out=str(tmp_path)))
    for step in (1, 2, 3):
        folder.log(step, {"loss": 1.0 / step, "nested": {"p": {"a": 0.5}}})
        if step == 2:
            folder.save(step, {"weights": torch.ones(2)})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # torn by a crash
    state = folder.checkpoint()
    assert state is not None
    assert state["step"] == 2
    assert [line["step"] for line in read_log(tmp_path / "log.jsonl")] == [1, 2]
    assert list((tmp_path / "tensorboard").iterdir())
    folder.close()
