#!/usr/bin/env python3
"""Writes packaging/order.txt: the functions that ordinary scripts run, for the linker to put side by side.

Linux maps sixteen pages of a program where one is touched. Where what runs is scattered over 12 MB, nearly all of it is
in memory; side by side it is two. A function that is not in the file, or is called otherwise by another compiler, costs
memory and nothing else, so the file need not be written again for each change.

Needs valgrind besides what `bench/run` needs.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from bench import HERE, Bench

WORKLOADS = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9"]
PROGRAM = HERE.parent / "target/release/imapscript"
ORDER = HERE.parent / "packaging/order.txt"


class Tracing(Bench):
    """Runs workloads under callgrind, which knows the functions that ran."""

    def __init__(self, options, traces):
        super().__init__(options)
        self.traces = traces

    def command(self, client, workload, state):
        trace = ["valgrind", "--quiet", "--tool=callgrind", "--demangle=no"]
        trace.append(f"--callgrind-out-file={self.traces}/{workload}")
        return [*trace, *super().command(client, workload, state)]


def ran(trace):
    """The functions in a trace. It names each once, and calls it by a number then."""
    named = re.findall(r"^c?fn=\(\d+\) (.+)$", trace.read_text(), re.MULTILINE)
    return {re.sub(r"'\d+$", "", name) for name in named}


def own():
    """The functions of the program's own."""
    symbols = subprocess.check_output(["nm", "--defined-only", PROGRAM], text=True)
    return set(re.findall(r"^[0-9a-f]+ [tTwW] (\S+)$", symbols, re.MULTILINE))


def main():
    # Another profile would call them otherwise.
    build = ["cargo", "rustc", "--release", "--locked", "--bin", "imapscript", "--", "-Cstrip=none"]
    subprocess.run(build, cwd=HERE.parent, check=True)
    options = argparse.Namespace(quick=True, compress=False, repeat=1, only=["imapscript"], workloads=WORKLOADS)
    order, functions = [], own()
    with tempfile.TemporaryDirectory() as traces:
        bench = Tracing(options, traces)
        try:
            # What the first needs comes first, so that it meets nothing of the others.
            for workload in WORKLOADS:
                bench.once("imapscript", workload, 0)
                order += sorted(ran(Path(traces, workload)) & functions - set(order))
        finally:
            bench.server.stop()
    ORDER.write_text("".join(f"{name}\n" for name in order))
    print(f"{ORDER}: {len(order)} functions")


if __name__ == "__main__":
    main()
