"""`python -m benchmarks.growth` measures what more of everything costs, and draws a picture of each: docs/growth/.

    python -m benchmarks.growth                                 # all, which takes half an hour
    python -m benchmarks.growth --parts models,rows --quick     # two of them, without their last steps

One client asks one request after the other on the machine of the server, which should be idle else: with a dozen
runnable threads a core a request took five times the processor time, as each finds cold caches. Latencies are medians;
memory is that of all processes of the server, in which what they share counts once. Pictures have processor time and
memory alone, which a busy machine changes least; times by the clock stand in growth.json beside them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.growth.measurements import PARTS
from benchmarks.growth.pictures import draw
from benchmarks.paths import ROOT

RESULTS = ROOT / "docs" / "growth"


def main() -> None:
    options = _parse()
    RESULTS.mkdir(exist_ok=True)
    stored = RESULTS / "growth.json"
    results: dict[str, Any] = json.loads(stored.read_text()) if stored.exists() else {}
    for name in options.parts:
        sizes, measure = PARTS[name]
        results[name] = {}
        for size in sizes[: -1 if options.quick else None]:
            folder = Path(tempfile.mkdtemp(prefix="growth-"))
            try:
                found = measure(folder, size)
            finally:
                shutil.rmtree(folder)
            results[name][str(size)] = {
                key: round(each, 4) for key, each in found.items()
            }
            print(f"{name} {size:,}: {results[name][str(size)]}", flush=True)
        stored.write_text(json.dumps(results, indent=1) + "\n")

    draw(results, RESULTS)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--parts",
        type=lambda text: text.split(","),
        default=list(PARTS),
        help=", ".join(PARTS),
    )
    parser.add_argument(
        "--quick", action="store_true", help="without the last step of each"
    )
    options = parser.parse_args()
    unknown = [each for each in options.parts if each not in PARTS]
    if unknown:
        parser.error(
            f"--parts: expected some of {', '.join(PARTS)}, got {unknown[0]!r}"
        )

    return options


if __name__ == "__main__":
    main()
