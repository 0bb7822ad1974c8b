"""`python -m tests.fuzz NAME` changes the requests of one decoder by what they reach in the code, with atheris.

It ends with status 0 after `--seconds`. It ends with another, and a file in the folder of temporary files, where a
decoder let anything out but a VeredictoError, or took longer than `MAX_S`. `--corpus FOLDER` keeps what reached
something new. Without a name it lists the decoders.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["service", "tables", "python_multipart"], enable_loader_override=False
):
    from tests.support.decoders import MAX_BYTES, PIECES, Decoder, check, make_decoders

MAX_S = 10
"""One request may take so long under atheris, which is several times slower."""
SECONDS = 30


def main() -> None:
    """Fuzzes one decoder; atheris ends the process."""
    options = parse()
    logging.disable()  # a parser says each thing that it does not like
    with tempfile.TemporaryDirectory() as models:
        decoders = make_decoders(Path(models))

    if options.name not in decoders:
        sys.stdout.write("\n".join(decoders) + "\n")
        sys.exit(options.name != "")

    fuzz(options.name, decoders[options.name], options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="a decoder")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long")
    parser.add_argument("--runs", type=int, default=-1, help="how many at most")
    parser.add_argument("--corpus", type=Path, help="folder of requests to begin with")

    return parser.parse_args()


def fuzz(name: str, decoder: Decoder, options: argparse.Namespace) -> None:
    corpus = options.corpus or Path(tempfile.mkdtemp(prefix=f"veredicto-fuzz-{name}-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(decoder.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)

    words = Path(tempfile.mkstemp(prefix="veredicto-fuzz-words-")[1])
    words.write_text("".join(map(write_word, PIECES)))
    arguments = [
        f"-max_total_time={options.seconds}",
        f"-runs={options.runs}",
        f"-max_len={MAX_BYTES}",
        f"-timeout={MAX_S}",
        f"-dict={words}",
        f"-artifact_prefix={tempfile.gettempdir()}/veredicto-{name}-",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        str(corpus),
    ]

    atheris.Setup([sys.argv[0], *arguments], lambda content: check(decoder, content))
    atheris.Fuzz()


def write_word(piece: bytes) -> str:
    """Returns a line of libFuzzer's dictionary, which takes short words."""
    escaped = "".join(f"\\x{byte:02x}" for byte in piece[:60])
    return f'"{escaped}"\n'


if __name__ == "__main__":
    main()
