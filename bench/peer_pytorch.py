"""The nets of bench_training in PyTorch; started and asked by it.

    python3 peer_pytorch.py THREADS DEVICE PRECISION

DEVICE is cpu, cuda or cuda:<index>, PRECISION fp32 or tf32. Prints "PyTorch VERSION" (exits with 3 when there is no PyTorch, or
none for the device), then answers each line of standard input with one line:

    shapes NET                          shapes of the trained parameters in order: "64x3x3x3 64 64 ..."
    time NET FORMAT UNTIMED STEPS       seconds of a training step of 64 samples: the mean of STEPS, after UNTIMED ones

FORMAT is contiguous or channels_last, on a GPU also channels_last_graph: the whole step, but for the copy of its data, is
captured once as a CUDA graph and replayed.
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
WARM_UP_STEPS = 5  # before a capture: on a stream of their own, as PyTorch's notes on CUDA graphs ask
FORMATS = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
    "channels_last_graph": torch.channels_last,
}


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
        lambda parameters, gpu: torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=5e-4, **gpu),
    ),
    "fashion_cnn": (
        fashion_cnn,
        (1, 28, 28),
        # capturable: the step's number lies on the device, where a replayed graph can count it
        lambda parameters, gpu: torch.optim.Adam(parameters, lr=1e-4, **gpu, **({"capturable": True} if gpu else {})),
    ),
}


class Training:
    """A net in training in one memory format; its data lies in that format, so that a step only has to copy it. On a GPU it
    comes from pinned host memory, and the optimizer updates everything by one kernel."""

    def __init__(self, name, format_name, device):
        make, image, optimizer = NETS[name]
        memory_format = FORMATS[format_name]
        self.gpu = device.type == "cuda"
        self.net = make().to(device, memory_format=memory_format).train()
        self.optimizer = optimizer(self.net.parameters(), {"fused": True} if self.gpu else {})
        self.loss = nn.CrossEntropyLoss()
        self.data = [
            (
                (torch.rand(BATCH, *image) * 2 - 1).contiguous(memory_format=memory_format),
                torch.randint(0, 10, (BATCH,)),
            )
            for _ in range(BATCHES)
        ]
        if self.gpu:
            self.data = [(image.pin_memory(), label.pin_memory()) for image, label in self.data]
        self.image = torch.empty_like(self.data[0][0], device=device)
        self.label = torch.empty_like(self.data[0][1], device=device)
        self.steps = 0
        self.graph = self.capture() if format_name.endswith("_graph") else None

    def compute(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.net(self.image), self.label)
        loss.backward()
        self.optimizer.step()

    def capture(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                self.copy_data()
                self.compute()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.compute()
        return graph

    def copy_data(self):
        image, label = self.data[self.steps % BATCHES]
        self.image.copy_(image, non_blocking=self.gpu)
        self.label.copy_(label, non_blocking=self.gpu)
        self.steps += 1

    def step(self):
        self.copy_data()
        if self.graph:
            self.graph.replay()
        else:
            self.compute()

    def synchronize(self):
        if self.gpu:
            torch.cuda.synchronize()

    def seconds_per_step(self, untimed, steps):
        for _ in range(untimed):
            self.step()
        self.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        self.synchronize()
        return (time.perf_counter() - start) / steps


def shapes(name):
    return " ".join("x".join(map(str, p.shape)) for p in NETS[name][0]().parameters())


def set_up(device, precision):
    """Chooses the GPU, and its precision, which is otherwise not the same for convolutions and matrix products."""
    if not torch.cuda.is_available():
        sys.exit(3)
    torch.cuda.set_device(device)
    torch.backends.cudnn.benchmark = True  # the sizes never change: the fastest algorithms are found in the first steps
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def main():
    threads, device, precision = int(sys.argv[1]), torch.device(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)
        set_up(device, precision)
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
            trainings[key] = Training(name, memory_format, device)
        print(trainings[key].seconds_per_step(int(untimed), int(steps)), flush=True)


if __name__ == "__main__":
    main()
