#!/usr/bin/env python3
"""Measures the error of PyTorch's optimizers in fp32 on the CPU: the bounds of optimizer_accuracy_test.cpp.

    python3 pytorch_optimizer_errors.py > pytorch_optimizer_errors.h

A case is an optimizer with its options. Parameters and gradients are the numbers of number() below, which the test makes
too. The truth is the rule in the C compiler's long double. An error is |p - truth|, root mean square and largest over
the elements, divided by the root mean square of the truth.
"""
import math

import numpy
import torch

ELEMENTS = 256
STEPS = (1, 2, 10, 1000)
CASES = [
    # name, optimizer, options; "schedule": milestones at 3 and 500 with this factor
    ("exact", "sgd", dict(lr=0.5)),
    ("plain", "sgd", dict(lr=0.1)),
    ("exact_momentum", "sgd", dict(lr=0.5, momentum=0.5, weight_decay=0.25)),
    ("exact_nesterov", "sgd", dict(lr=0.5, momentum=0.5, weight_decay=0.25, nesterov=True)),
    ("small_momentum", "sgd", dict(lr=0.1, momentum=0.1)),
    ("momentum", "sgd", dict(lr=0.1, momentum=0.9, weight_decay=5e-4)),
    ("nesterov", "sgd", dict(lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)),
    ("scheduled", "sgd", dict(lr=0.1, momentum=0.9, schedule=0.3)),
    ("long_momentum", "sgd", dict(lr=0.01, momentum=0.9999)),
    ("longer_momentum", "sgd", dict(lr=0.01, momentum=0.99999999, weight_decay=1e-3)),
    ("longer_nesterov", "sgd", dict(lr=0.01, momentum=0.999999, nesterov=True)),
    ("least_momentum", "sgd", dict(lr=0.1, momentum=1e-300)),
    ("large_lr", "sgd", dict(lr=1e30, momentum=0.9)),
    ("small_lr", "sgd", dict(lr=1e-37, momentum=0.9)),
    ("large_weight_decay", "sgd", dict(lr=1e-6, momentum=0.9, weight_decay=1e4)),
    ("small_weight_decay", "sgd", dict(lr=0.1, weight_decay=1e-37)),
    ("exact", "adam", dict(lr=0.5, beta1=0.5, beta2=0.75, eps=2.0**-20)),
    ("default", "adam", dict(lr=1e-3)),
    ("unit_step", "adam", dict(lr=1.0)),
    ("no_betas", "adam", dict(lr=0.1, beta1=0.0, beta2=0.0)),
    ("small_betas", "adam", dict(lr=0.1, beta1=0.1, beta2=0.2)),
    ("beta2_1e-6", "adam", dict(lr=1.0, beta2=0.999999)),
    ("beta2_1e-8", "adam", dict(lr=1.0, beta2=0.99999999)),
    ("both_1e-8", "adam", dict(lr=1.0, beta1=0.99999999, beta2=0.99999999)),
    ("beta1_1e-6", "adam", dict(lr=0.1, beta1=0.999999, beta2=0.9)),
    ("small_eps", "adam", dict(lr=0.1, eps=1e-37)),
    ("large_eps", "adam", dict(lr=1e10, eps=1e10)),
    ("weight_decay", "adam", dict(lr=0.1, weight_decay=0.1)),
    ("scheduled", "adam", dict(lr=0.1, schedule=0.3)),
    ("large_lr", "adam", dict(lr=1e30)),
    ("small_lr", "adam", dict(lr=1e-37)),
    ("default", "adamw", dict(lr=1e-3, weight_decay=1e-2)),
    ("faint", "adamw", dict(lr=1e-4, weight_decay=1e-4)),
    ("half", "adamw", dict(lr=0.5, weight_decay=1.0)),
    ("strong", "adamw", dict(lr=1.0, weight_decay=0.9)),
    ("overshooting", "adamw", dict(lr=1.0, weight_decay=1.9)),
    ("scheduled", "adamw", dict(lr=0.1, weight_decay=0.1, schedule=0.3)),
]


def numbers(first):
    """ELEMENTS numbers in [-1,1), exact in fp32: a multiplicative hash of their index."""
    words = (numpy.arange(first, first + ELEMENTS, dtype=numpy.uint64) + 1) * 2654435761 % 2**32
    return (words >> 8).astype(numpy.float64) / 2.0**23 - 1


def factor(options, step):
    return options.get("schedule", 1) ** sum(step >= at for at in (3, 500))


def truth(kind, options):
    """p after each of STEPS."""
    real = numpy.longdouble
    lr, wd = real(options["lr"]), real(options.get("weight_decay", 0))
    mu, b1, b2 = real(options.get("momentum", 0)), real(options.get("beta1", 0.9)), real(options.get("beta2", 0.999))
    eps, p = real(options.get("eps", 1e-8)), numbers(0).astype(real)
    m = v = 0 * p
    bias1 = bias2 = real(0)
    after = {}
    for step in range(STEPS[-1]):
        g, rate = numbers((step + 1) * ELEMENTS).astype(real), lr * real(factor(options, step))
        if kind == "adamw":
            p = p - rate * wd * p
        else:
            g = g + wd * p
        if kind == "sgd":
            m = mu * m + g
            p = p - rate * (g + mu * m if options.get("nesterov") else m)
        else:
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            bias1, bias2 = b1 * bias1 + (1 - b1), b2 * bias2 + (1 - b2)  # 1 - b^t
            p = p - rate * (m / bias1) / (numpy.sqrt(v / bias2) + eps)
        after[step + 1] = p
    return [after[step] for step in STEPS]


def pytorch(kind, options):
    p = torch.nn.Parameter(torch.tensor(numbers(0), dtype=torch.float32))
    known = {key: value for key, value in options.items() if key in ("lr", "momentum", "nesterov", "weight_decay", "eps")}
    if kind == "sgd":
        optimizer = torch.optim.SGD([p], **known)
    else:
        betas = (options.get("beta1", 0.9), options.get("beta2", 0.999))
        known.setdefault("weight_decay", 0)
        optimizer = (torch.optim.AdamW if kind == "adamw" else torch.optim.Adam)([p], betas=betas, **known)
    after = {}
    for step in range(STEPS[-1]):
        optimizer.param_groups[0]["lr"] = options["lr"] * factor(options, step)
        p.grad = torch.tensor(numbers((step + 1) * ELEMENTS), dtype=torch.float32)
        optimizer.step()
        after[step + 1] = p.detach().numpy().astype(numpy.longdouble)
    return [after[step] for step in STEPS]


def row(name, kind, options):
    errors = []
    for right, got in zip(truth(kind, options), pytorch(kind, options)):
        scale = math.sqrt(numpy.mean(right**2))
        error = abs(got - right)
        errors.append("{%.2e, %.2e}" % (math.sqrt(numpy.mean(error**2)) / scale, numpy.max(error) / scale))
    known = {key: (str(value).lower() if isinstance(value, bool) else repr(float(value))) for key, value in options.items()}
    fields = ", ".join("." + key + " = " + value for key, value in known.items())
    return '    {"%s_%s", {%s}, {%s}},' % (kind, name.replace("-", ""), fields, ", ".join(errors))


print("""#pragma once

// Made by pytorch_optimizer_errors.py with PyTorch %s.

// clang-format off
constexpr int steps[] = {%s};
const Case cases[] = {
    // options, {root mean square, largest} error of PyTorch's fp32 after each of `steps`
%s
};
// clang-format on""" % (torch.__version__.split("+")[0], ", ".join(map(str, STEPS)), "\n".join(row(*case) for case in CASES)))
