"""The functions and methods of tensors that are known, by what they do with channels."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PER_NUMBER = _words("""
    relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid tanh
    softplus softsign logsigmoid dropout dropout1d dropout2d dropout3d alpha_dropout
    stochastic_depth clamp clip abs neg exp log log1p sqrt rsqrt square sin cos erf floor ceil round
    sign reciprocal contiguous clone detach to float half double type bfloat16 pos nan_to_num
""")
"""Each number by itself."""
TOGETHER = _words("""
    add sub mul div truediv floordiv pow maximum minimum rsub radd rmul where lerp addcmul addcdiv
    eq ne lt le gt ge
""")
"""Numbers of several tensors that stand in the same place."""
PER_MAP = _words("""
    max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d
    adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d interpolate upsample
""")
"""Each map [B, C, ...] by itself, into one of another size."""
MOVES = _words("""
    flatten permute transpose swapaxes swapdims movedim moveaxis t squeeze unsqueeze expand
    expand_as roll flip stack ravel
""")
"""Numbers are put elsewhere."""
JOINS_ENDS = _words("cat concat concatenate")
RESHAPES = _words("view reshape")
CUTS = _words("chunk split tensor_split unbind getitem narrow select index_select")
REDUCES = _words("mean sum amax amin max min prod logsumexp")
WEIGHS = _words("softmax log_softmax")
"""What stands along an axis is weighed against each other."""
PADS = _words("pad")
SIZED = RESHAPES | _words("expand chunk split")
"""What may be told a number of channels that was counted."""
