"""Hardware that nobody here owns, as formulas: what a layer takes there at so many bits.

HAQ (Wang, Liu, Lin, Lin, Han, "HAQ: Hardware-Aware Automated Quantization with Mixed Precision",
CVPR 2019) judged policies by simulators that were never published. These models give its figures.
"""
