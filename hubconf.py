"""What torch.hub.load(this repository, NAME) can make: the published ProxylessNAS networks."""

from proxyless_nas.zoo import ZOO

dependencies = ["torch", "msgspec", "tqdm"]

globals().update(ZOO)
proxyless_mobile14 = ZOO["proxyless_mobile_14"]  # as the original README spells it
