"""`python -m loadtest` measures how fast a server answers under a load, and at which load it still does.

Exits 0 when done, 1 when an objective is not shown or a regression is, 2 when it cannot be done.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cli.output import write_note, write_result
from cli.places import find_fault, write_file
from loadtest import (
    arguments,
    commands,
    comparison,
    console,
    load_options,
    result,
    verdict,
)
from loadtest.command_line import DONE, check_place, run
from service.errors import LoadTestError

NOT_SHOWN = 1


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong is written as one line on stderr."""
    options = arguments.parse(words)
    return run(partial(_test, options), extras="load")


def check_places(options: argparse.Namespace) -> None:
    """Finds what stands in the way of the files before anything is measured."""
    for path in (options.output, options.raw):
        if path is not None:
            check_place(path)

    report = None if options.output is None else options.output.with_suffix(".html")
    fault = find_fault(
        {
            "--data": options.data,
            "--replay": options.replay,
            "--compare": options.compare,
            "--body": options.body,
        },
        {"--output": options.output, "--raw": options.raw, "the report": report},
    )
    if fault is not None:
        raise LoadTestError(fault)

    if options.output is not None and options.output.suffix == ".html":
        raise LoadTestError("--output: expected the name of a JSON file, got .html")


def _test(options: argparse.Namespace) -> int:
    """Measures, writes what is wanted, and compares."""
    check_places(options)
    old = None if options.compare is None else result.read(options.compare)
    if old is not None and not commands.is_search(options):
        comparison.check_same(old["load"], load_options.make_load(options).describe())

    if options.task and options.slo:
        document = commands.judge_task(options)
        write_result(*verdict.write_table(document))
        code = DONE if document["best"] else NOT_SHOWN
    else:
        document, runs = commands.measure_target(options)
        write_result(*console.write_table(document))
        code = find_exit_code(document)
        if options.raw is not None:
            from loadtest import raw_file

            raw_file.write(runs, options.raw)
            write_result(f"requests: {options.raw}")

    if old is not None:
        document["comparison"] = comparison.compare(
            old, document, margin=options.margin
        )
        write_result("", *comparison.write_lines(document["comparison"]))
        code = NOT_SHOWN if document["comparison"]["regression"] else code

    if options.output is not None:
        result.write(document, options.output)
        write_result(f"result: {options.output}")
        _write_report(document, options.output.with_suffix(".html"))

    return code


def _write_report(document: dict[str, Any], path: Path) -> None:
    """Draws the report beside the result where matplotlib is installed, which nothing else here needs."""
    if find_spec("matplotlib") is None:
        write_note(
            "no report: it needs matplotlib: make install in a clone, or pip install 'veredicto[load]'"
        )
        return

    from loadtest.report import page

    write_file(path, page.render(document).encode())
    write_result(f"report: {path}")


def find_exit_code(document: dict[str, Any]) -> int:
    """Returns whether every objective is shown, by a valid test; without an objective there is nothing to show."""
    asked = document["objectives"]
    is_shown = document["valid"] and all(each["finding"] == "shown" for each in asked)

    return DONE if is_shown or not asked else NOT_SHOWN


if __name__ == "__main__":
    raise SystemExit(main())
