"""The limit is onnxruntime alone, without HTTP, parsing or answer, on inputs that lie ready.

python -m benchmarks.servers.in_process INPUTS.npy SECONDS MODEL.onnx [MODEL.onnx ...]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from benchmarks.servers import graphs


def main() -> None:
    inputs = np.load(sys.argv[1])
    seconds = float(sys.argv[2])
    loaded = [graphs.load(Path(path)) for path in sys.argv[3:]]
    for graph in loaded:
        graph.labels(inputs)

    started = perf_counter()
    started_cpu = process_time()
    runs = 0

    while (took := perf_counter() - started) < seconds:
        for graph in loaded:
            graph.labels(inputs)
        runs += 1

    print(
        json.dumps(
            {"runs": runs, "seconds": took, "cpu_s": process_time() - started_cpu}
        )
    )


if __name__ == "__main__":
    main()
