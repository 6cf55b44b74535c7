"""The classic experiment in PyTorch: 10 x 500, He weights, ReLU; each layer's mean and variance.

usage: pytorch_init.py [FILE [RUNS]]    then: fanin-compare results/init-he.h5 FILE
"""
import sys

import numpy
import torch
import xarray

path = sys.argv[1] if len(sys.argv) > 1 else "pytorch.h5"
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 8

means, variances = numpy.empty((2, runs, 11))  # layer 0 is the input
for run in range(runs):
    torch.manual_seed(run)
    a = torch.randn(1000, 500)
    for layer in range(11):
        if layer > 0:
            linear = torch.nn.Linear(500, 500, bias=False)
            torch.nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            a = torch.relu(linear(a)).detach()
        means[run, layer] = a.double().mean()
        variances[run, layer] = a.double().var(unbiased=False)

axes = ("activation", "batch_norm", "run", "layer")
xarray.Dataset(
    {
        "activation_mean": (axes, means[None, None]),
        "activation_variance": (axes, variances[None, None]),
    },
    coords={"activation": ["relu"], "batch_norm": ["off"], "layer": range(11)},
).to_netcdf(path, engine="netcdf4")
