#!/usr/bin/env python3
"""Measures the error of PyTorch's fp32 on the CPU where many numbers are added: the standard of sum_accuracy_test.cpp.

    python3 pytorch_sum_errors.py > pytorch_sum_errors.h

Each case is computed in fp32 and in float64 from the same numbers, those of numbers() below, which the test makes too.
An error is |fp32 - float64|, root mean square and largest over the elements of all seeds, divided by the root mean
square of the float64 result.
"""
import math

import numpy
import torch
import torch.nn.functional as F

SEEDS = (1, 2, 3)


def numbers(shape, seed, low):
    """In [low,1), exact in fp32; low is -1 or 0. SplitMix64 of seed and index."""
    z = numpy.arange(math.prod(shape), dtype=numpy.uint64) + numpy.uint64(seed << 32)
    z = (z + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z = z ^ (z >> numpy.uint64(31))
    unit = (z >> numpy.uint64(40)).astype(numpy.float64) / 2.0**24
    return torch.tensor((unit if low == 0 else 2 * unit - 1).reshape(shape))


def gradient(function, inputs, by, dy):
    inputs = [x.detach().clone().requires_grad_(i == by) for i, x in enumerate(inputs)]
    y = function(*inputs)
    y.backward(dy.to(y.dtype))
    return inputs[by].grad


def conv(x, w):
    return F.conv2d(x, w, padding=1)


def cases():
    """name, shapes of the inputs, function of them."""
    for size in (13, 32, 56):
        yield "mean_%d" % size, [(4, 16, size, size)], lambda x: x.mean((2, 3))
        yield "adaptive_%d" % size, [(4, 16, size, size)], lambda x: F.adaptive_avg_pool2d(x, 1)
    yield "adaptive_2_56", [(4, 16, 56, 56)], lambda x: F.adaptive_avg_pool2d(x, 2)
    for size in (3, 14, 28):
        yield "avg_pool_%d" % size, [(4, 16, 56, 56)], lambda x, size=size: F.avg_pool2d(x, size)
    yield "avg_pool_grad_7", [(4, 16, 50, 50)], lambda dy: gradient(
        lambda x: F.avg_pool2d(x, 7, 1), [torch.zeros(4, 16, 56, 56, dtype=dy.dtype)], 0, dy)
    yield "adaptive_grad_56", [(4, 16, 1, 1)], lambda dy: gradient(
        lambda x: F.adaptive_avg_pool2d(x, 1), [torch.zeros(4, 16, 56, 56, dtype=dy.dtype)], 0, dy)
    yield "upsample_grad_8", [(4, 16, 56, 56)], lambda dy: gradient(
        lambda x: F.interpolate(x, scale_factor=8), [torch.zeros(4, 16, 7, 7, dtype=dy.dtype)], 0, dy)
    yield "bias_grad", [(32, 16, 32, 32)], lambda dy: dy.sum((0, 2, 3))
    yield "sum_per_sample", [(16, 65536)], lambda x: x.sum(1)
    yield "batch_sum", [(4096, 64)], lambda x: x.sum(0)
    yield "softmax_1000", [(64, 1000)], lambda x: F.softmax(8 * x, 1)
    yield "softmax_30000", [(8, 30000)], lambda x: F.softmax(8 * x, 1)
    yield "softmax_map", [(2, 1000, 8, 8)], lambda x: F.softmax(8 * x, 1)
    yield "softmax_grad", [(64, 1000), (64, 1000)], lambda x, dy: gradient(lambda x: F.softmax(x, 1), [8 * x], 0, dy)
    yield "softmax_grad_map", [(2, 1000, 8, 8), (2, 1000, 8, 8)], lambda x, dy: gradient(
        lambda x: F.softmax(x, 1), [8 * x], 0, dy)
    yield "cross_entropy", [(64, 1000)], lambda x: F.cross_entropy(
        8 * x, torch.arange(64) * 15, reduction="none")
    yield "cross_entropy_map", [(2, 20, 64, 64)], lambda x: F.cross_entropy(
        8 * x, (torch.arange(2 * 64 * 64) % 20).reshape(2, 64, 64), reduction="none").sum((1, 2))
    yield "batch_norm", [(16, 16, 32, 32)], lambda x: F.batch_norm(x, None, None, training=True)
    for k in (512, 4096, 16384):
        yield "linear_%d" % k, [(64, k), (32, k)], lambda x, w: F.linear(x, w)
        yield "linear_grad_input_%d" % k, [(64, k), (k, 32)], lambda dy, w: gradient(
            F.linear, [torch.zeros(64, 32, dtype=dy.dtype), w], 0, dy)
        yield "linear_grad_weight_%d" % k, [(k, 64), (k, 32)], lambda x, dy: gradient(
            F.linear, [x, torch.zeros(32, 64, dtype=dy.dtype)], 1, dy)
    for channels in (16, 64):
        x, w, y = (4, channels, 16, 16), (channels, channels, 3, 3), (4, channels, 16, 16)
        yield "conv_%d" % channels, [x, w], conv
        yield "conv_grad_input_%d" % channels, [y, w], lambda dy, w, x=x: gradient(
            conv, [torch.zeros(x, dtype=dy.dtype), w], 0, dy)
        yield "conv_grad_weight_%d" % channels, [x, y], lambda x, dy, w=w: gradient(
            conv, [x, torch.zeros(w, dtype=dy.dtype)], 1, dy)


def error(shapes, function, low):
    squares = scale = largest = count = 0
    for seed in SEEDS:
        inputs = [numbers(shape, 10 * seed + i, low) for i, shape in enumerate(shapes)]
        right = function(*inputs)
        difference = (function(*[x.float() for x in inputs]).double() - right).abs()
        squares += (difference**2).sum().item()
        scale += (right**2).sum().item()
        largest = max(largest, difference.max().item())
        count += right.numel()
    return math.sqrt(squares / scale), largest / math.sqrt(scale / count)


rows = []
for name, shapes, function in cases():
    errors = ["{%.2e, %.2e}" % error(shapes, function, low) for low in (-1, 0)]
    rows.append('    {"%s", {%s}},' % (name, ", ".join(errors)))
print("""#pragma once

// Made by pytorch_sum_errors.py with PyTorch %s.

// clang-format off
const Standard standards[] = {
    // {root mean square, largest} error of PyTorch's fp32 for numbers in [-1,1) and in [0,1)
%s
};
// clang-format on""" % (torch.__version__.split("+")[0], "\n".join(rows)))
