#!/usr/bin/env python3
"""Prints the constants of ConvTranspose2d.OutputPaddingBeyondTheStrideIsPyTorchs in conv_transpose2d_test.cpp: PyTorch's
transposed convolution and its gradients in float64, of small whole numbers, so that float32 has the same values.

    python3 tests/kernels/conv_transpose2d_golden.py
"""
import torch

CASES = [
    # x's channels and extents; w's outputs for each group and kernel; options
    dict(x=(2, 2, 3), o=2, kernel=(2, 2), stride=(1, 2), padding=(1, 0), output_padding=(2, 3), dilation=(3, 4), groups=1),
    dict(x=(2, 2, 2), o=1, kernel=(3, 1), stride=(2, 1), padding=(0, 0), output_padding=(2, 1), dilation=(3, 2), groups=2),
]


def counting(shape, modulus):
    """0, 1, 2, ... modulo `modulus`, less half of it."""
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float64) % modulus - modulus // 2).reshape(shape)


def show(name, tensor):
    numbers = ", ".join(str(int(v)) for v in tensor.detach().flatten().tolist())
    print(f"  {name} {list(tensor.shape)}: {{{numbers}}}")


for case in CASES:
    print(case)
    x = counting((1, *case["x"]), 7).requires_grad_()
    w = counting((case["x"][0], case["o"], *case["kernel"]), 5).requires_grad_()
    y = torch.nn.functional.conv_transpose2d(
        x, w, None, case["stride"], case["padding"], case["output_padding"], case["groups"], case["dilation"])
    y.backward(counting(y.shape, 11))
    for name, tensor in ("y", y), ("dx", x.grad), ("dw", w.grad):
        assert torch.equal(tensor, tensor.round())
        show(name, tensor)
