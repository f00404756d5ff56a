#!/usr/bin/env python3
"""What NaN and infinities become in PyTorch, in float64: writes non_finite_goldens.txt beside this file.

    python3 tests/kernels/make_non_finite_goldens.py

A line: case | what is put in | input | element | classes of y | classes of each gradient ... Classes are '.' for a
number, 'n' for NaN, '+' and '-' for the infinities, each run with its length in front. Names, shapes and numbers are
those of tests/support/non_finite_cases.cpp with 3 channels. Made with PyTorch 2.15.
"""

import itertools
import math
import pathlib

import torch
import torch.nn.functional as F

C = 3
MAP = (2, C, 4, 6)


def numbers(shape, k, positive=False):
    count = math.prod(shape)
    values = [((i * 7 + k * 5) % 13 + (1 if positive else -6)) / 4 for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def labels(shape, k):
    return torch.tensor([(i * 7 + k * 5) % C for i in range(math.prod(shape))]).reshape(shape)


def classes(tensor):
    def of(value):
        return "n" if math.isnan(value) else "." if math.isfinite(value) else "+" if value > 0 else "-"

    return "".join(f"{len(list(run))}{c}" for c, run in itertools.groupby(map(of, tensor.flatten().tolist())))


def batch_norm(x, scale, shift):
    return F.batch_norm(x, None, None, scale, shift, training=True, eps=1e-5)


def batch_norm_fixed(x, scale, shift, mean, variance):
    return F.batch_norm(x, mean, variance, scale, shift, training=False, eps=1e-5)


def cross_entropy(x, label):
    return F.cross_entropy(x, label, reduction="none").reshape(2, -1).sum(1)


# name: (inputs by name, function). An input is a shape, (shape, "positive") or (shape, "labels").
X = {"a": MAP}
XY = {"a": MAP, "b": MAP}
NORM = {"x": MAP, "scale": ((C,), "positive"), "shift": (C,)}
FIXED = NORM | {"mean": (C,), "variance": ((C,), "positive")}
CASES = {
    "relu": (X, F.relu),
    "leaky_relu": (X, lambda a: F.leaky_relu(a, 0.25)),
    "gelu": (X, F.gelu),
    "sigmoid": (X, torch.sigmoid),
    "add": (XY, torch.add),
    "sub": (XY, torch.sub),
    "mul": (XY, torch.mul),
    "div": ({"a": MAP, "b": (MAP, "positive")}, torch.div),
    "add_relu": (XY, lambda a, b: F.relu(a + b)),
    "scale": (X, lambda a: a * 0.5),
    "bias": ({"x": MAP, "b": (C,)}, lambda x, b: x + b.reshape(1, C, 1, 1)),
    "max_pool2d": (X, lambda a: F.max_pool2d(a, 2)),
    "max_pool2d overlapping": (X, lambda a: F.max_pool2d(a, 3, 2, 1)),
    "avg_pool2d": (X, lambda a: F.avg_pool2d(a, 2)),
    "avg_pool2d overlapping": (X, lambda a: F.avg_pool2d(a, 3, 2, 1, count_include_pad=False)),
    "adaptive_avg_pool2d": (X, lambda a: F.adaptive_avg_pool2d(a, (3, 4))),
    "global_avg_pool2d": (X, lambda a: F.adaptive_avg_pool2d(a, 1).flatten(1)),
    "upsample_nearest2d": (X, lambda a: F.interpolate(a, scale_factor=2, mode="nearest")),
    "pad2d": (X, lambda a: F.pad(a, (0, 2, 1, 0))),
    "crop2d": (X, lambda a: a[:, :, :-2, 1:]),
    "concat": (XY, lambda a, b: torch.cat([a, b], 1)),
    "slice_channels": (X, lambda a: a[:, 1:3]),
    "batch_norm": (NORM, batch_norm),
    "batch_norm relu": (NORM, lambda *v: F.relu(batch_norm(*v))),
    "batch_norm exact": (NORM, batch_norm),
    "batch_norm add relu": (NORM | {"addend": MAP}, lambda x, s, b, z: F.relu(batch_norm(x, s, b) + z)),
    "batch_norm fixed": (FIXED, batch_norm_fixed),
    "batch_norm fixed relu": (FIXED, lambda *v: F.relu(batch_norm_fixed(*v))),
    "softmax": (X, lambda a: F.softmax(a, 1)),
    "softmax of rows": ({"x": (2, C)}, lambda a: F.softmax(a, 1)),
    "cross_entropy": ({"x": (2, C), "label": ((2,), "labels")}, cross_entropy),
    "cross_entropy of maps": ({"x": MAP, "label": ((2, 4, 6), "labels")}, cross_entropy),
    "linear": ({"x": (2, C), "w": (5, C), "b": (5,)}, F.linear),
    "conv2d": ({"x": MAP, "w": (18, C, 3, 3), "b": (18,)}, F.conv2d),
    "conv2d 1x1": ({"x": MAP, "w": (18, C, 1, 1), "b": (18,)}, lambda x, w, b: F.conv2d(x, w)),
    "sum_per_sample": (X, lambda a: a.flatten(1).sum(1)),
    "batch_sum": (X, lambda a: a.sum(0)),
}


def made(inputs):
    values = {}
    for k, (name, spec) in enumerate(inputs.items()):
        shape, kind = spec if isinstance(spec[-1], str) else (spec, "any")
        values[name] = labels(shape, k) if kind == "labels" else numbers(shape, k, kind == "positive")
    return values


def line(name, inputs, function, attack, target, place):
    values = made(inputs)
    r = numbers(function(*values.values()).shape, 10)
    (r if target == "r" else values[target]).view(-1)[place] = float(attack)
    floating = {key: v for key, v in values.items() if v.is_floating_point()}
    for key, v in floating.items():
        v.requires_grad_(key not in ("mean", "variance"))  # statistics have no gradient
    y = function(*values.values())
    wrt = {key: v for key, v in floating.items() if v.requires_grad}
    gradients = dict(zip(wrt, torch.autograd.grad(y, wrt.values(), r, allow_unused=True)))
    texts = [classes(torch.zeros_like(v) if gradients.get(key) is None else gradients[key]) for key, v in floating.items()]
    return " | ".join([name, attack, target, str(place), classes(y), *texts])


def main():
    lines = []
    for name, (inputs, function) in CASES.items():
        values = made(inputs)
        sizes = {key: v.numel() for key, v in values.items() if v.is_floating_point()}
        sizes["r"] = function(*values.values()).numel()
        for target, size in sizes.items():
            for attack, place in itertools.product(("nan", "inf", "-inf"), (0, size - 1)):
                lines.append(line(name, inputs, function, attack, target, place))
    path = pathlib.Path(__file__).with_name("non_finite_goldens.txt")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
