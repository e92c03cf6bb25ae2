#!/usr/bin/env python3
"""Plots of sweeps: one SVG for each sweep in files of JSON lines that levelscan_bench wrote.

usage: plots.py DIRECTORY FILE...

A point is the median of processor time, of all threads where threads are not the axis, else of
elapsed time; its bar reaches from the least to the most. Of measurements that were repeated the
last one counts.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

TITLES = {
    "selectivity": "share of the rows that pass",
    "value_size": "value, bytes",
    "key_size": "key, bytes",
    "block_size": "SST block, bytes",
    "restart_interval": "restart interval, entries",
    "compression": "compression",
    "runs": "sorted runs",
    "overwritten": "share of entries that overwrite, 20 L0 files",
    "ranges": "ranges of 100 rows in one query",
    "data_block": "the pool's data block, bytes",
    "threads": "threads",
    "entries": "entries",
}
CONTENDERS = {
    "iterator": ("RocksDB's iterator", "tab:gray"),
    "iterator-cached": ("RocksDB's iterator, blocks cached", "tab:brown"),
    "cpu": ("levelscan, CPU", "tab:blue"),
    "cuda": ("levelscan, GPU", "tab:green"),
    "read-hash": ("reading, XXH3", "tab:orange"),
    "read-hash-decompress": ("reading, XXH3, decompressing", "tab:red"),
}
NAMED = {"compression"}
LINEAR = {"threads", "overwritten"}
# Not for an entry of the database, but for one of these.
EACH = {"ranges": "range"}


def load(paths):
    """{sweep: {contender: {value: line}}}"""
    sweeps = {}
    for path in paths:
        for text in pathlib.Path(path).read_text().splitlines():
            line = json.loads(text)
            sweep = line["sweep"]
            contender = line["contender"]
            value = line["parameters"].get(sweep)
            if value is None:  # not a sweep: named for something else
                continue
            if sweep == "threads":  # one curve: contenders with one thread are its beginning
                value = line["threads"]
                contender = contender.removesuffix("-threads")
            sweeps.setdefault(sweep, {}).setdefault(contender, {})[value] = line
    return sweeps


def plot(sweep, contenders, path):
    figure, axes = plt.subplots(figsize=(4.4, 3.0))
    for name, (label, color) in CONTENDERS.items():
        lines = contenders.get(name)
        if not lines or (sweep in EACH and name.startswith("read")):
            continue
        values = list(lines) if sweep in NAMED else sorted(lines)
        medians, below, above = [], [], []
        for line in (lines[value] for value in values):
            seconds = line["seconds" if sweep == "threads" else "cpu_seconds"]
            each = 1e9 / (values[len(medians)] if sweep in EACH else line["database"]["entries"])
            medians.append(seconds["median"] * each)
            below.append((seconds["median"] - seconds["least"]) * each)
            above.append((seconds["most"] - seconds["median"]) * each)
        axes.errorbar(values, medians, [below, above], label=label, color=color, marker="o",
                      markersize=3, linewidth=1.2, capsize=2)
    if sweep not in NAMED:
        values = sorted({value for lines in contenders.values() for value in lines})
        if sweep not in LINEAR:
            axes.set_xscale("log")
            axes.minorticks_off()
        axes.set_xticks(values, [f"{value:,}" for value in values])
        if len(values) > 4 and values[-1] > 99999:
            axes.tick_params("x", labelrotation=20)
    if sweep in EACH:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel(TITLES.get(sweep, sweep))
    kind = "ns" if sweep == "threads" else "processor ns"
    axes.set_ylabel(f"{kind} for each {EACH.get(sweep, 'entry')}")
    axes.grid(True, linewidth=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    plt.rcParams.update({"svg.hashsalt": "levelscan", "svg.fonttype": "none", "font.size": 8})
    directory = pathlib.Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    for sweep, contenders in load(arguments[1:]).items():
        path = directory / f"{sweep}.svg"
        plot(sweep, contenders, path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
