"""What fewer bits cost and save: accuracy, bytes of weights, bit operations; as a table."""

from msgspec import Struct
from torch import nn

from compression.quantizers.asking import policy_of
from compression.quantizers.place import quantization_of
from proxyless_nas.bits import FLOAT_BITS, Bits, bit_operations, uniform, weight_bytes
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Shape
from training.evaluate import Evaluation


class Sizes(Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes of all weights, without biases and steps, and bit operations for one image."""

    bytes: float
    float_bytes: float
    operations: int
    float_operations: int


class Quantized(Struct, frozen=True, forbid_unknown_fields=True):
    """report.json: scores on the test images of `data` before and after, and what was saved."""

    data: str
    before: Evaluation
    after: Evaluation
    sizes: Sizes

    def told(self) -> str:
        """The table."""
        one, two, sizes = self.before, self.after, self.sizes
        drop = 100 * (two.top1 - one.top1)
        saved = sizes.bytes / sizes.float_bytes
        work = sizes.operations / sizes.float_operations
        rows = [
            ("", "float", "quantized", ""),
            ("top-1", f"{one.top1:.2%}", f"{two.top1:.2%}", f"{drop:+.2f} points"),
            ("loss", f"{one.loss:.4f}", f"{two.loss:.4f}", ""),
            (
                "bytes of weights",
                f"{sizes.float_bytes:,.0f}",
                f"{sizes.bytes:,.0f}",
                f"{saved:.4f}",
            ),
            (
                "bit operations",
                f"{sizes.float_operations / 1e9:,.3f} G",
                f"{sizes.operations / 1e9:,.3f} G",
                f"{work:.4f}",
            ),
        ]
        lines = [f"{a:<17}{b:>14}{c:>14}{d:>15}".rstrip() for a, b, c, d in rows]
        return "\n".join([*lines, f"on {two.images:,} test images of {self.data}"])


def sizes_of(network: nn.Module, shape: Shape) -> Sizes:
    """Of a network some of whose layers are quantized, for an image [1, *shape]."""
    layers = layers_of(network, shape)
    policy = policy_of(quantization_of(network).layers, layers, network="")
    whole = uniform(layers, Bits(FLOAT_BITS, FLOAT_BITS))
    return Sizes(
        weight_bytes(layers, policy),
        weight_bytes(layers, whole),
        bit_operations(layers, policy),
        bit_operations(layers, whole),
    )
