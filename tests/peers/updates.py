#!/usr/bin/env python3
"""Does in PyTorch, in double, what the program updates did, and compares.

    updates.py PROGRAM

PROGRAM trains a small net under every rule, policy and variant and prints it as JSON: first weights,
data, first gradients, and the losses, gradient norms, weights and running statistics of 20 updates.
Here the same is done by torch.nn, torch.optim and torch.optim.lr_scheduler. A deviation is the
largest difference within an array (a parameter, its gradient, the losses of a run) over the largest
magnitude in PyTorch's; it has to be below 1e-5, and below 1e-10 if the program computes in double.

Left out are the biases of dense layers that batch norm follows: their gradients are 0 but for
rounding, which Adam divides by its own size; and under Adam the running means, which shift with
these biases. Nothing else depends on them.

Exits 0, 1 if a deviation is too large, or 77 without PyTorch.
"""

import json
import subprocess
import sys

try:
    import torch
except ImportError:
    print("skipped: PyTorch is missing (Debian: python3-torch); nothing was compared")
    sys.exit(77)

KINDS = ["first loss", "gradients", "losses", "norms", "weights", "running statistics", "penalty"]


def build(case, first):
    """The net with its first weights; dense weights come as (fan_in, fan_out)."""
    act = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[case["activation"]]
    blobs = [torch.tensor(values, dtype=torch.float64) for values in first]
    layers, dense = [], []
    while blobs:
        weight, bias = blobs.pop(0), blobs.pop(0)
        linear = torch.nn.Linear(weight.numel() // bias.numel(), bias.numel())
        linear.weight.data = weight.reshape(-1, bias.numel()).T.contiguous()
        linear.bias.data = bias
        layers.append(linear)
        dense.append(linear)
        if blobs and case["batch_norm"]:
            norm = torch.nn.BatchNorm1d(bias.numel())
            norm.weight.data, norm.bias.data = blobs.pop(0), blobs.pop(0)
            layers.append(norm)
        if blobs:
            layers.append(act())
    net = torch.nn.Sequential(*layers).double().train()
    for linear, (rate, _) in zip(dense, case["multipliers"]):
        linear.requires_grad_(rate != 0)
    return net, dense


def groups(case, net, dense):
    """Parameters with what their layer's rate and decay are multiplied by; only weights decay."""
    multipliers = {id(linear): both for linear, both in zip(dense, case["multipliers"])}
    result = []
    for module in net:
        rate, decay = multipliers.get(id(module), (1, 0))
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                result.append({"params": [parameter], "lr": case["rate"] * rate,
                               "weight_decay": case["l2"] * decay * (name == "weight")})
    return result


def optimizer_of(case, parameters):
    sgd, adam = torch.optim.SGD, torch.optim.Adam
    return {
        "sgd": lambda: sgd(parameters, lr=case["rate"]),
        "momentum": lambda: sgd(parameters, lr=case["rate"], momentum=0.9),
        "nesterov": lambda: sgd(parameters, lr=case["rate"], momentum=0.9, nesterov=True),
        "adam": lambda: adam(parameters, lr=case["rate"], betas=(0.9, 0.999), eps=1e-8),
    }[case["rule"]]()


def scheduler_of(case, optimizer):
    gamma, power, last = case["gamma"], case["power"], case["last"]
    schedule = torch.optim.lr_scheduler
    return {
        "fixed": lambda: schedule.LambdaLR(optimizer, lambda t: 1),
        "step": lambda: schedule.StepLR(optimizer, case["step"], gamma),
        "multistep": lambda: schedule.MultiStepLR(optimizer, case["steps"], gamma),
        "exp": lambda: schedule.ExponentialLR(optimizer, gamma),
        "inv": lambda: schedule.LambdaLR(optimizer, lambda t: (1 + gamma * t) ** -power),
        "poly": lambda: schedule.LambdaLR(optimizer, lambda t: max(0, 1 - t / last) ** power),
    }[case["policy"]]()


def clip(parameters, largest):
    """Returns the norm. torch.nn.utils.clip_grad_norm_ adds 1e-6 to it before it divides."""
    norm = torch.sqrt(sum((p.grad ** 2).sum() for p in parameters))
    for p in parameters:
        if largest and norm > largest:
            p.grad *= largest / norm
    return norm.item()


def as_printed(net, values):
    """One flat list a parameter, in the program's order, weights transposed; None as it is."""
    result = []
    for module in net:
        for parameter in module.parameters():
            value = values(parameter)
            if value is not None and value.dim() == 2:
                value = value.T
            result.append(value if value is None else value.detach().flatten().tolist())
    return result


def penalty(case, dense):
    return case["l2"] / 2 * sum(decay * (linear.weight.detach() ** 2).sum().item()
                                for linear, (rate, decay) in zip(dense, case["multipliers"]) if rate)


def train(case, run):
    """The same 20 updates."""
    batch = run["batch"]
    data = torch.tensor(run["data"], dtype=torch.float64).reshape(-1, batch, run["inputs"])
    labels = torch.tensor(run["labels"]).reshape(-1, batch)
    net, dense = build(case, case["first"])
    parameters = [p for p in net.parameters() if p.requires_grad]
    optimizer = optimizer_of(case, groups(case, net, dense))
    scheduler = scheduler_of(case, optimizer)
    result = {"losses": [], "norms": []}
    for update in range(len(case["norms"]) + 1):
        which = update % len(data)
        loss = torch.nn.functional.cross_entropy(net(data[which]), labels[which])
        result["losses"].append(loss.item())
        if update == len(case["norms"]):
            break
        optimizer.zero_grad()
        loss.backward()
        if update == 0:
            result["gradients"] = as_printed(net, lambda p: p.grad)
        result["norms"].append(clip(parameters, case["clip"]))
        optimizer.step()
        scheduler.step()
    result["trained"] = as_printed(net, lambda p: p)
    result["states"] = [state.tolist() for module in net if isinstance(module, torch.nn.BatchNorm1d)
                        for state in (module.running_mean, module.running_var)]
    result["penalty"] = penalty(case, dense)
    return result


def deviation(ours, theirs):
    scale = max(map(abs, theirs))
    worst = max(abs(a - b) for a, b in zip(ours, theirs))
    if len(ours) != len(theirs) or worst != worst or scale == 0:
        return float("inf") if worst or len(ours) != len(theirs) else 0.0
    return worst / scale


def vain(case, index):
    """Whether parameter `index` is a bias that batch norm takes out again."""
    return case["batch_norm"] and index in (1, 5)


def compare(case, theirs):
    """The largest deviation of each kind."""
    worst = dict.fromkeys(KINDS, 0.0)

    def note(kind, ours, reference):
        worst[kind] = max(worst[kind], deviation(ours, reference))

    note("first loss", case["losses"][:1], theirs["losses"][:1])
    note("losses", case["losses"], theirs["losses"])
    note("norms", case["norms"], theirs["norms"])
    note("penalty", [case["penalty"]], [theirs["penalty"]])
    for k, (ours, reference) in enumerate(zip(case["gradients"], theirs["gradients"])):
        if reference is not None and not vain(case, k):
            note("gradients", ours, reference)
    for k, (ours, reference) in enumerate(zip(case["trained"], theirs["trained"])):
        if not vain(case, k):
            note("weights", ours, reference)
    for k, (ours, reference) in enumerate(zip(case["states"], theirs["states"])):
        if case["rule"] != "adam" or k % 2 == 1:
            note("running statistics", ours, reference)
    return worst


def main():
    torch.set_num_threads(1)
    run = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    tolerance = 1e-5 if run["real"] == "float" else 1e-10
    largest = dict.fromkeys(KINDS, (0.0, "-"))
    bad = 0
    for case in run["cases"]:
        worst = compare(case, train(case, run))
        for kind, value in worst.items():
            largest[kind] = max(largest[kind], (value, case["name"]))
        if not max(worst.values()) < tolerance:
            bad += 1
            print(f"{case['name']}: " + ", ".join(f"{k} {v:.2g}" for k, v in worst.items()))
    print(f"{len(run['cases'])} trainings in {run['real']} against PyTorch {torch.__version__}: "
          f"{bad} off by {tolerance:g} or more; the largest deviations")
    for kind, (value, name) in largest.items():
        print(f"  {kind:<18}  {value:.2e}  {name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
