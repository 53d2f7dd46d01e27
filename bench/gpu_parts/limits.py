"""What the device can do at most: the rates of a copy and of a matrix product."""

import os
import platform

from common import CORE, DEVICE, ON_GPU, QUICK, add, place, rate, report
import torch


def measure(device: torch.device, cores: int) -> None:
    """Copy a block that no cache holds; multiply two large matrices as training does, float32."""
    where, large = place(device, cores), device.type == 'cuda' and not QUICK
    numbers = (1 << 30 if large else 1 << 26) // 4
    block, copy = torch.zeros(2, numbers, device=device)
    add('copy', where, rate(lambda: copy.copy_(block), device, 2) * 8 * numbers, 'bytes/s')
    side = 8192 if large else 1024
    a, b = torch.randn(2, side, side, device=device)
    out = torch.empty_like(a)
    add('product, float32', where,
        rate(lambda: torch.mm(a, b, out=out), device, 2) * 2.0 * side ** 3, 'operations/s')
    if device.type == 'cuda':
        for kind in (torch.float16, torch.bfloat16):
            x, y = a.to(kind), b.to(kind)
            add(f'product, {str(kind).removeprefix("torch.")}', where,
                rate(lambda x=x, y=y: torch.mm(x, y), device, 2) * 2.0 * side ** 3,
                'operations/s')


def main() -> None:
    """Measure the GPU, one core and all cores."""
    cores = len(os.sched_getaffinity(0))
    name = 'none'
    if ON_GPU:
        measure(DEVICE, 0)
        name = torch.cuda.get_device_name()
    for count in sorted({1, cores}):
        torch.set_num_threads(count)
        measure(CORE, count)
    report(gpu=name, cuda=str(torch.version.cuda), python=platform.python_version())
