"""The tree network that ProxylessNAS found for CIFAR-10 (Cai et al. 2019): 2.08 % test error."""

from collections.abc import Iterator

from proxyless_nas.blocks import BatchNorm, Classifier, Conv, Tree
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec

# One block per line: its output channels and its twelve searched edges (letters: see Tree).
STAGE_1 = """
    72 7M DI 7M 5D 55 77
    72 AI AA 3I M7 DI DD
    80 7I 3A 5A 3D 3A D5
    88 A5 5D 3D D7 73 I7
    96 AI 5D D5 7M 7A IM
    96 7M 7M 35 A7 D3 II
    104 DM IM 77 77 53 II
    112 DD 57 57 M5 AA 37
    120 7D 5M II MM 3A AD
    128 5I 3I 37 3I 57 57
    128 7A 75 35 DI AD D3
    136 5D A5 33 A5 77 D3
    144 MM 73 7D 3M A5 7I
    152 37 MD 7D 5D I3 73
    152 DA M3 DD AI 5I 5I
    160 5I D5 AA D5 55 73
    168 75 55 D3 ID M7 37
    176 MD II 3I 7M 57 ID
"""
STAGE_2 = """
    184 DM 5A A7 5A 73 AM
    184 7D I7 I7 DM 37 M5
    192 MD A3 ID MM M5 IA
    200 DA 73 A3 3A 7I DD
    208 DM MA 7I 7D DI AM
    208 75 M7 MI MI AD M7
    216 I5 A5 M5 DD 7A DM
    224 3I AD DD D3 AA A3
    232 D7 M7 IM MM 55 5D
    240 37 73 AI M7 37 MM
    240 75 77 A3 33 ID A3
    248 5I AI A5 A7 3A AM
    256 I3 AD I7 IA 7M ID
    264 7M 5I 7D M7 DM 77
    264 37 M3 I3 53 I3 5I
    272 D7 D3 D7 3I 3D MI
    280 MI I5 5A 37 AI AD
    288 7M 75 DA 73 75 55
"""
STAGE_3 = """
    296 AA AA DA 7I 5I IA
    296 M7 IA 5I II AI 7I
    304 D3 7M I5 AI 3I MA
    312 77 A5 A3 MI A3 MM
    320 II A7 I7 IM A5 A7
    320 DI 5I M5 75 D7 ID
    328 MM IA AM DA I5 3I
    336 77 57 7A D7 3M 7A
    344 DA DM D3 7D ID M5
    352 AD AM 3M DI 7D AI
    352 MM A7 33 5D AI I3
    360 5D 7D IM M7 35 MI
    368 77 3M DA M5 MM 5M
    376 M5 IA D3 53 73 77
    376 I3 A5 77 I7 77 3A
    384 5M 53 AI 55 AM 5I
    392 3M D3 MA I7 MD 33
    400 77 3M 5I 5M M3 37
"""


def proxyless_cifar() -> NetworkSpec:
    """Proxyless-G: 18 blocks per stage that widen from 72 to 400 channels (a PyramidNet)."""
    return NetworkSpec(
        "proxyless_cifar",
        Shape(3, 32, 32),
        Conv(16, 3, activation="none"),
        (*_stage(STAGE_1, 1), *_stage(STAGE_2, 2), *_stage(STAGE_3, 2)),
        None,
        Classifier(10, preactivated=True),
        BatchNorm(momentum=0.1, eps=1e-5),
    )


def _stage(table: str, stride: int) -> Iterator[Tree]:
    for line in table.split("\n")[1:-1]:
        out, a, b, c, d, e, f = line.split()
        yield Tree(int(out), int(out) // 4, (a, b, c, d, e, f), stride)
        stride = 1
