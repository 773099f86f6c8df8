"""What torch.hub.load(this repository, NAME) can make: the published ProxylessNAS networks."""

from proxyless_nas.zoo import ZOO

dependencies = ["torch", "msgspec", "tqdm"]

proxyless_cpu = ZOO["proxyless_cpu"]
proxyless_gpu = ZOO["proxyless_gpu"]
proxyless_mobile = ZOO["proxyless_mobile"]
proxyless_mobile_14 = ZOO["proxyless_mobile_14"]
proxyless_cifar = ZOO["proxyless_cifar"]
proxyless_mobile14 = ZOO["proxyless_mobile_14"]  # as the original README spells it
