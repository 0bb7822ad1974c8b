"""`veredicto COMMAND ...` does what `python -m PACKAGE ...` does, and says what must be installed for it.

Only the package of the command that was asked for is imported, so that help is shown at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

DONE = 0
NOT_INSTALLED = 1
MISUSED = 2
HELP = ("-h", "--help")
PACKAGES = (
    "model_card",
    "row_records",
    "stats",
    "verdict",
    "service",
    "evaluation",
    "loadtest",
    "scoring",
    "training",
    "tuning",
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command runs the `main` of a package; `extras` of ours bring what that package needs."""

    package: str
    extras: str
    summary: str
    examples: tuple[tuple[str, str], ...]


COMMANDS = {
    "serve": Command(
        package="service",
        extras="cpu",
        summary="serve a folder of exported models over HTTP",
        examples=(
            ("veredicto serve", "the default folder, on 127.0.0.1:3000"),
            ("VEREDICTO_MODELS=my_models veredicto serve", "a folder of your own"),
            ("veredicto serve --host 0.0.0.0 --port 8080", "to other machines too"),
        ),
    ),
    "train": Command(
        package="training",
        extras="train",
        summary="learn from a data set and export the model to one ONNX file",
        examples=(
            ("veredicto train logistic --task wine", "a data set that is bundled"),
            (
                "veredicto train all --task sales --data sales.csv --target bought",
                "every family, on your own table",
            ),
            ("veredicto train mlp --help", "the options of one family"),
        ),
    ),
    "adopt": Command(
        package="training.adopt",
        extras="train",
        summary="give a card to an ONNX classifier or regressor of another library",
        examples=(
            (
                "veredicto adopt forest.onnx --task sales --data test.csv --target bought",
                "measured on rows that it has not learnt",
            ),
            ("veredicto adopt --help", "texts, classes, networks of images"),
        ),
    ),
    "evaluate": Command(
        package="evaluation",
        extras="cpu,evaluate",
        summary="judge a task's classifiers on labelled rows",
        examples=(
            (
                "veredicto evaluate --task sales --data new.csv",
                "the models of the folder",
            ),
            (
                "veredicto evaluate --task sales --data new.csv --url http://HOST:3000",
                "those of a running server",
            ),
            (
                "veredicto evaluate --verify sales-report.json",
                "evidence, computed again",
            ),
        ),
    ),
    "score": Command(
        package="scoring",
        extras="cpu,evaluate",
        summary="ask a task's models about tables or images of any number",
        examples=(
            (
                "veredicto score --task sales --data june/ --out june-scores",
                "all classifiers of a task, about all tables of a folder",
            ),
            (
                "veredicto score --task sales --data 'june/*.csv' --label bought --out scores",
                "with the verdict over all labelled rows",
            ),
            (
                "veredicto score --model birds-cnn --data photos/ --out birds --format csv",
                "one model, about images; what was killed goes on by the same command",
            ),
        ),
    ),
    "load": Command(
        package="loadtest",
        extras="load",
        summary="measure how fast a server answers under a load",
        examples=(
            (
                "veredicto load --url http://HOST:3000 --model wine-mlp --rate 200",
                "latencies at 200 requests a second",
            ),
            (
                'veredicto load --url http://HOST:3000 --model wine-mlp --slo "p99<50ms"',
                "the highest rate that keeps an objective",
            ),
            (
                'veredicto load --url http://HOST:3000 --task wine --slo "p99<50ms" --rate 200',
                "the most accurate classifier that keeps it",
            ),
        ),
    ),
    "journal": Command(
        package="service.live.journal",
        extras="cpu",
        summary="merge the journals of several servers into one",
        examples=(
            (
                "veredicto journal merge a.db b.db --out all.db",
                "two replicas' predictions and feedback, counted together",
            ),
            (
                "VEREDICTO_JOURNAL=all.db veredicto serve",
                "the comparison of both, at /tasks/TASK/comparison",
            ),
        ),
    ),
    "tune": Command(
        package="tuning",
        extras="cpu,load",
        summary="search the settings that serve best on this machine",
        examples=(
            (
                'veredicto tune --model wine-mlp --slo "p99<20ms" --output tuned.env',
                "the highest rate that keeps an objective",
            ),
            (
                'veredicto tune --model wine-mlp --slo "p99<20ms" --goal memory --rate 200',
                "the least memory that keeps it at a rate",
            ),
            (
                "VEREDICTO_SETTINGS=tuned.env veredicto serve",
                "the server with what was found",
            ),
        ),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; it is 2 where no command of ours was named."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else ""
    if name in COMMANDS:
        return _run(name, words[1:])

    if name in HELP:
        sys.stdout.write(_describe())
        return DONE

    if name == "--version":
        sys.stdout.write(f"veredicto {import_module('service').VERSION}\n")
        return DONE

    near = get_close_matches(name, COMMANDS, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    found = f"got {name!r}{hint}" if words else "got none"
    sys.stderr.write(
        f"veredicto: expected a command, one of {', '.join(COMMANDS)}, {found}; "
        "veredicto --help shows examples\n"
    )
    return MISUSED


def _run(name: str, words: list[str]) -> int:
    if words[:1] and words[0] in HELP:
        sys.stdout.write(_show_examples(COMMANDS[name].examples) + "\n")
        sys.stdout.flush()

    return run(name, words)


def run(name: str, words: Sequence[str] | None = None) -> int:
    """Runs the package of a command, and says what must be installed where a library is missing.

    The words are those after the command's name, without them the process' own.
    """
    command = COMMANDS[name]
    try:
        code: int = import_module(f"{command.package}.__main__").main(words)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in PACKAGES:
            raise

        sys.stderr.write(
            f"veredicto {name} needs {library}, which is not installed: "
            f"make install in a clone, or pip install 'veredicto[{command.extras}]'\n"
        )
        return NOT_INSTALLED

    return code


def _describe() -> str:
    summaries = "".join(
        f"  {name:<10}{command.summary}\n" for name, command in COMMANDS.items()
    )
    examples = [command.examples[0] for command in COMMANDS.values()]

    return (
        "usage: veredicto COMMAND ...\n\n"
        "Trains models, serves them, and shows which of them to trust.\n\n"
        f"commands:\n{summaries}\n"
        f"{_show_examples(examples)}\n"
        "veredicto COMMAND --help shows a command's options, veredicto --version the version.\n"
    )


def _show_examples(examples: Sequence[tuple[str, str]]) -> str:
    """Returns the examples as lines, each below what it does."""
    lines = "".join(f"  # {text}\n  {line}\n" for line, text in examples)
    return f"examples:\n{lines}"


if __name__ == "__main__":
    sys.exit(main())
