"""What one Python reader makes of a record: a line for each variable, and CF's rules held.

usage: check.py READER FILE; see run.sh. Exit status 77: the reader is not installed.
"""

import importlib.util
import sys

import numpy as np

READERS = ("h5py", "netCDF4", "xarray-netcdf4", "xarray-h5netcdf")


def need(*modules):
    for module in modules:
        if importlib.util.find_spec(module) is None:
            print(f"no Python module {module}", file=sys.stderr)
            sys.exit(77)


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def read_h5py(path):
    import h5py

    with h5py.File(path, "r") as file:
        for name, data in file.items():
            if not h5py.h5ds.is_scale(data.id):
                for dimension in data.dims:
                    assert len(dimension) == 1, f"{name}: a dimension has {len(dimension)} scales"
            yield name, data[()], {key: text(value) for key, value in data.attrs.items()}


def read_netcdf4(path):
    import netCDF4

    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        for name, data in file.variables.items():
            yield name, data[...], {key: data.getncattr(key) for key in data.ncattrs()}


def read_xarray(path, engine):
    import xarray

    with xarray.open_dataset(path, engine=engine, mask_and_scale=False) as file:
        for name, data in file.variables.items():
            yield name, data.values, dict(data.attrs)
    with xarray.open_dataset(path, engine=engine) as file:
        assert "seed" in file.coords, "seed is not a coordinate"
        assert file["activation_mean"].dims == ("activation", "batch_norm", "run", "layer")


def read(reader, path):
    if reader == "h5py":
        return read_h5py(path)
    if reader == "netCDF4":
        need("netCDF4")
        return read_netcdf4(path)
    engine = reader.partition("-")[2]
    need("xarray", {"netcdf4": "netCDF4", "h5netcdf": "h5netcdf"}[engine])
    return read_xarray(path, engine)


def check_flags(name, values, attributes):
    """Labels: as many words as flags, and each value among them."""
    flags = np.atleast_1d(attributes["flag_values"])
    words = attributes["flag_meanings"].split(" ")
    assert len(words) == len(flags), f"{name}: {len(words)} names of {len(flags)} flags"
    assert np.isin(values, flags).all(), f"{name}: a value is no flag"
    assert flags.dtype == np.int8, f"{name}: flags are {flags.dtype}"


def main():
    reader, path = sys.argv[1:]
    assert reader in READERS, f"{reader} is none of {READERS}"
    lines = []
    for name, values, attributes in read(reader, path):
        if "flag_values" in attributes:
            check_flags(name, values, attributes)
        for key in ("long_name", "units", "flag_meanings", "coordinates"):
            assert isinstance(attributes.get(key, ""), str), f"{name}:{key} is not a string"
        numbers = np.asarray(values, dtype=float).ravel()
        present = numbers[~np.isnan(numbers)]
        ends = (present.min(), present.max(), present[0], present[-1]) if present.size else ()
        shape = "x".join(map(str, np.shape(values))) or "1"
        missing = numbers.size - present.size
        lines.append(" ".join([name, shape, str(missing)] + [f"{number:.17g}" for number in ends]))
    print("\n".join(sorted(lines)))


main()
