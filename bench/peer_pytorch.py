"""The nets of bench_training in PyTorch, on the CPU; started and asked by it.

    python3 peer_pytorch.py THREADS

Prints "PyTorch VERSION" (exits with 3 when there is no PyTorch), then answers each line of standard input with one line:

    shapes NET                          shapes of the trained parameters in order: "64x3x3x3 64 64 ..."
    time NET FORMAT UNTIMED STEPS       seconds of a training step of 64 samples: the mean of STEPS, after UNTIMED ones
"""

import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(3)

BATCH = 64
BATCHES = 4  # batches of data that take turns
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class BasicBlock(nn.Module):
    """samples/models/resnet.h"""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18_cifar():
    layers = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    inputs = 64
    for outputs in (64, 128, 256, 512):
        layers += [BasicBlock(inputs, outputs, 1 if outputs == 64 else 2), BasicBlock(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def fashion_cnn():
    """samples/models/fashion_cnn.h"""
    return nn.Sequential(
        nn.Conv2d(1, 48, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(48, 64, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(inplace=True), nn.Dropout(0.1), nn.Linear(128, 10),
    )  # fmt: skip


NETS = {
    "resnet18_cifar": (
        resnet18_cifar,
        (3, 32, 32),
        lambda parameters: torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=5e-4),
    ),
    "fashion_cnn": (fashion_cnn, (1, 28, 28), lambda parameters: torch.optim.Adam(parameters, lr=1e-4)),
}


class Training:
    """A net in training in one memory format; its data lies in that format, so that a step only has to copy it."""

    def __init__(self, name, memory_format):
        make, image, optimizer = NETS[name]
        self.net = make().to(memory_format=memory_format).train()
        self.optimizer = optimizer(self.net.parameters())
        self.loss = nn.CrossEntropyLoss()
        self.data = [
            (
                (torch.rand(BATCH, *image) * 2 - 1).contiguous(memory_format=memory_format),
                torch.randint(0, 10, (BATCH,)),
            )
            for _ in range(BATCHES)
        ]
        self.image = torch.empty_like(self.data[0][0])
        self.label = torch.empty_like(self.data[0][1])
        self.steps = 0

    def step(self):
        image, label = self.data[self.steps % BATCHES]
        self.image.copy_(image)
        self.label.copy_(label)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.net(self.image), self.label)
        loss.backward()
        self.optimizer.step()
        self.steps += 1

    def seconds_per_step(self, untimed, steps):
        for _ in range(untimed):
            self.step()
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return (time.perf_counter() - start) / steps


def shapes(name):
    return " ".join("x".join(map(str, p.shape)) for p in NETS[name][0]().parameters())


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(1)
    trainings = {}
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        request, name, *rest = line.split()
        if request == "shapes":
            print(shapes(name), flush=True)
            continue
        memory_format, untimed, steps = rest
        key = (name, memory_format)
        if key not in trainings:
            trainings[key] = Training(name, FORMATS[memory_format])
        print(trainings[key].seconds_per_step(int(untimed), int(steps)), flush=True)


if __name__ == "__main__":
    main()
