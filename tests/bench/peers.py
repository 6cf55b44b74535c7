#!/usr/bin/env python3
"""The work of the benchmark in NumPy and PyTorch, as the time of the peer over fanin's.

    peers.py BENCH STUDIES SCRATCH [JSON]

BENCH is the benchmark's program, STUDIES the folder of the studies, SCRATCH a file they may write;
the rows are printed and added to those in JSON. Peer and fanin take turns, both timed by the wall;
what is reported is the median, lowest and highest ratio of the rounds.

The peers do the classic script: normal weights and inputs, ten times a product and tanh, mean and
variance of every layer's activations; with backward, the gradients' too. That is less than fanin
records of a layer. fanin works on one thread, also where the peer uses all.
"""

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
DEPTH, WIDTH, SAMPLES = 10, 500, 1000
ELEMENTS = 500_000
BATCH, UPDATES = 128, 10

try:
    import numpy as np
except ImportError:
    np = None
try:
    if "numpy" in sys.argv[1:2]:  # the script of NumPy alone, see the end
        raise ImportError
    import torch
except ImportError:
    torch = None


# ---- what the peers do --------------------------------------------------------------------------


def numpy_study(backward, dtype, normal):
    """One network; normal(shape) draws in `dtype`."""
    x = normal((SAMPLES, WIDTH))
    kept, moments = [x], []
    weights = []
    for _ in range(DEPTH):
        w = normal((WIDTH, WIDTH)) * dtype((2 / WIDTH) ** 0.5)
        x = np.tanh(x @ w)
        moments.append((x.mean(), x.var()))
        if backward:
            weights.append(w)
            kept.append(x)
    if backward:
        g = normal((SAMPLES, WIDTH))
        for l in reversed(range(DEPTH)):
            moments.append((g.mean(), g.var()))
            dz = g * (1 - kept[l + 1] ** 2)
            dw = kept[l].T @ dz
            moments.append((dw.mean(), dw.var()))
            g = dz @ weights[l].T
        moments.append((g.mean(), g.var()))
    return moments


def torch_study(backward):
    def look(t):
        return torch.var_mean(t)

    with torch.no_grad():
        x = torch.randn(SAMPLES, WIDTH)
        kept, weights, moments = [x], [], []
        for _ in range(DEPTH):
            w = torch.randn(WIDTH, WIDTH).mul_((2 / WIDTH) ** 0.5)
            x = torch.mm(x, w).tanh_()
            moments.append(look(x))
            if backward:
                weights.append(w)
                kept.append(x)
        if backward:
            g = torch.randn(SAMPLES, WIDTH)
            for l in reversed(range(DEPTH)):
                moments.append(look(g))
                dz = torch.ops.aten.tanh_backward(g, kept[l + 1])
                moments.append(look(torch.mm(kept[l].t(), dz)))
                g = torch.mm(dz, weights[l].t())
            moments.append(look(g))
    return moments


def torch_training():
    """A function that does UPDATES updates of the 784-500x10-10 perceptron."""
    layers, inputs = [], 784
    for _ in range(10):
        layers += [torch.nn.Linear(inputs, 500), torch.nn.Tanh()]
        inputs = 500
    net = torch.nn.Sequential(*layers, torch.nn.Linear(500, 10))
    solver = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)
    x = torch.randn(60000, 784)
    labels = torch.randint(0, 10, (60000,))
    loss = torch.nn.CrossEntropyLoss()

    batches = iter(torch.randperm(60000).split(BATCH))

    def run():
        for _ in range(UPDATES):
            rows = next(batches)
            solver.zero_grad()
            loss(net(x[rows]), labels[rows]).backward()
            solver.step()

    return run


# ---- measuring ----------------------------------------------------------------------------------


class Paced:
    """A row of the benchmark's program that does its work once whenever it is asked to."""

    def __init__(self, program, section, name):
        self.process = subprocess.Popen(
            [program, "--sections", section, "--paced", f"{section}/{name}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self):
        print(file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def spawn(*command):
    """Seconds of a whole process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def timed(work):
    def run():
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def compare(rows, name, peer, ours):
    """A row: seconds of `peer` over those of `ours`, both functions that return them."""
    peer(), ours()
    ratios = []
    for _ in range(ROUNDS):
        mine = ours()
        ratios.append(peer() / mine)
    row = {"section": "peers", "name": name, "unit": "times fanin's time",
           "median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    rows.append(row)
    print(f"  {name:<44} {row['median']:9.3g} {row['lowest']:9.3g} {row['highest']:9.3g}  {row['unit']}",
          flush=True)


def blas_threads(count):
    """NumPy's and PyTorch's OpenBLAS; another BLAS keeps its own number."""
    try:
        ctypes.CDLL("libopenblas.so.0").openblas_set_num_threads(count)
    except (OSError, AttributeError):
        pass
    if torch:
        torch.set_num_threads(count)


def numpy_kinds():
    generator = np.random.default_rng(1)

    def single(shape):
        return generator.standard_normal(shape, dtype=np.float32)

    def classic(shape):
        return np.random.randn(*shape)

    return {"NumPy float64, randn": (np.float64, classic),
            "NumPy float32, Generator": (np.float32, single)}


def compare_numpy(rows, program):
    kinds = numpy_kinds()
    for backward in False, True:
        what = "forward and backward" if backward else "forward"
        ours = Paced(program, "study", f"{what}: tanh")
        for name, (dtype, normal) in kinds.items():
            work = timed(lambda: numpy_study(backward, dtype, normal))
            compare(rows, f"{what}: {name}", work, ours)
        ours.close()
    ours = Paced(program, "elements", "normal")
    for name, (_, normal) in kinds.items():
        compare(rows, f"normal: {name}", timed(lambda: normal((1000, 500))), ours)
    ours.close()
    ours = Paced(program, "elements", "tanh")
    z = np.random.randn(ELEMENTS).astype(np.float32)
    a = np.empty_like(z)
    compare(rows, "tanh: NumPy float32", timed(lambda: np.tanh(z, out=a)), ours)
    ours.close()


def compare_torch(rows, program, threads):
    blas_threads(threads)
    who = f"PyTorch, {threads} thread{'s' if threads > 1 else ''}"
    z = torch.randn(ELEMENTS)
    a = torch.empty_like(z)
    works = [("study", "forward: tanh", "forward", lambda: torch_study(False)),
             ("study", "forward and backward: tanh", "forward and backward",
              lambda: torch_study(True)),
             ("training", "momentum", "training, 784-500x10-10", torch_training())]
    if threads == 1:
        works += [("elements", "normal", "normal", lambda: torch.randn(ELEMENTS, out=a)),
                  ("elements", "tanh", "tanh", lambda: torch.tanh(z, out=a))]
    for section, row, name, work in works:
        ours = Paced(program, section, row)
        compare(rows, f"{name}: {who}", timed(work), ours)
        ours.close()


def compare_programs(rows, studies, scratch):
    study = [f"{studies}/init-he", "-a", "tanh", "-b", "off", "-r", "1", "--no-backward", "-q",
             "-o", scratch]
    for module, name in (np, "numpy"), (torch, "torch"):
        if module:
            compare(rows, f"whole process, forward: a script of {name}",
                    lambda: spawn(sys.executable, __file__, name), lambda: spawn(*study))


def main():
    program, studies, scratch = sys.argv[1:4]
    rows = []
    for module, name in (np, "NumPy (Debian: python3-numpy)"), (torch, "PyTorch (python3-torch)"):
        if not module:
            print(f"\npeers: {name} is missing; nothing was compared with it")
    if np or torch:
        print(f"\n{'peers':<46} {'median':>9} {'lowest':>9} {'highest':>9}")
        compare_programs(rows, studies, scratch)
        os.remove(scratch)
    blas_threads(1)
    if np:
        compare_numpy(rows, program)
    if torch:
        for threads in sorted({1, len(os.sched_getaffinity(0))}):
            compare_torch(rows, program, threads)
    if len(sys.argv) > 4:
        with open(sys.argv[4]) as file:
            rows = json.load(file) + rows
        with open(sys.argv[4], "w") as file:
            file.write("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n")


if len(sys.argv) == 2:  # the script alone, as a user would run it
    if sys.argv[1] == "numpy":
        numpy_study(False, np.float64, lambda shape: np.random.randn(*shape))
    else:
        torch_study(False)
else:
    main()
