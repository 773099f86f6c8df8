"""What one priced operation looks like from outside: its shapes, its work, its weights."""

from typing import Literal

from msgspec import Struct

FLOAT_BYTES = 4  # of one float32 number


class Shape(Struct, frozen=True, array_like=True):
    """The size of one image or feature map, without the batch: (channels, height, width)."""

    channels: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.channels, self.height, self.width) < 1:
            raise ValueError(f"shape {self} has a side below 1")

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"

    def at_side(self, side: int | None) -> "Shape":
        """The same channels on a square of `side` pixels; unchanged for None."""
        return self if side is None else Shape(self.channels, side, side)

    def after(self, out: int, stride: int) -> "Shape":
        """The map behind a same-padded convolution: ceil(side / stride) per side."""
        return Shape(out, -(-self.height // stride), -(-self.width // stride))


class Layer(Struct, frozen=True):
    """One convolution, linear map or lone batch norm inside a network.

    `name` is the name of the torch module that holds the weight, so specs, state dicts, latency
    tables and compression recipes all speak of the same thing. `norm` says that a batch norm of
    the same name follows (two parameters per output channel). A batch norm that stands elsewhere
    is a layer of kind `norm`: its weight is the scale, its bias the shift.
    """

    name: str
    kind: Literal["conv", "linear", "norm"]
    input: Shape
    output: Shape
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    bias: bool = False
    norm: bool = True
    kernel_width: int | None = None  # written where a kernel is not square; `kernel` is its height

    @property
    def weights(self) -> int:
        """Number of weights, without bias and norm."""
        area = self.kernel * (self.kernel_width or self.kernel)
        return self.input.channels // self.groups * area * self.output.channels

    @property
    def parameters(self) -> int:
        """Number of trainable parameters: weights, bias, and the norm's scale and shift."""
        return self.weights + self.output.channels * (int(self.bias) + 2 * int(self.norm))

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image; bias, norm and activation are not counted."""
        return 0 if self.kind == "norm" else self.weights * self.output.height * self.output.width
