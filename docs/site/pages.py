"""The pages of the site are the documents of the repository, put into one folder, with their links led there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "Begin": ("quick-start", "course"),
    "Your own data and models": ("train", "adopt"),
    "Ask and compare": ("predict", "http", "compare", "judge", "live", "reload"),
    "Run it": (
        "deploy/index",
        "tuning",
        "load-testing",
        "scale",
        "settings",
        "limits",
        "security",
    ),
    "Background": ("models", "benchmarks", "experiments"),
}
"""The pages by their place in the sidebar."""
OTHERS = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "exported_models/README.md": "models.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Documents that lie elsewhere have these names here; a link to the README leads to the first page."""
LEFT_OUT = ("decisions", "site")
"""These folders of `docs/` are for those who change the code."""
PICTURES = (".png", ".svg")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)#:\s]*)(#[^)\s]*)?\)")


def find_pages() -> dict[str, str]:
    """Returns the name on the site of each document, by its path from the root of the repository."""
    pages = dict(OTHERS)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        place = path.relative_to(ROOT / "docs")
        if place.parts[0] not in LEFT_OUT:
            name = "index.md" if path.name == "README.md" else path.name
            pages[f"docs/{place.as_posix()}"] = place.with_name(name).as_posix()

    return pages


def stage_pages(folder: Path, made: Mapping[str, str]) -> None:
    """Writes all pages into a folder: the documents, what is `made` by its name, and the pictures."""
    pages = find_pages()
    for source, name in pages.items():
        if source != "README.md":
            text = (ROOT / source).read_text(encoding="utf-8")
            _write(folder / name, lead_links(text, source, pages) + _list_below(name))

    for name, text in made.items():
        _write(folder / name, text)
    for picture in find_pictures():
        target = folder / picture.relative_to(ROOT / "docs")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, target)


def find_pictures() -> list[Path]:
    """Returns the pictures that lie under `docs/`."""
    return sorted(
        path for path in (ROOT / "docs").rglob("*") if path.suffix in PICTURES
    )


def lead_links(text: str, source: str, pages: Mapping[str, str]) -> str:
    """Returns the text of a document with its links as they are on the site; of one that leads off it the words stay.

    Pictures lie under `docs/`, and keep their place.
    """
    here = Path(pages[source]).parent

    def lead(match: re.Match[str]) -> str:
        is_picture, words, target, anchor = match.groups()
        if not target or target.startswith("/"):
            return match[0]

        path = os.path.normpath(Path(source).parent / target)
        if is_picture:
            found: str | None = os.path.relpath(path, "docs")
        else:
            found = pages.get(path)
        if found is None:
            return words

        link = os.path.relpath(found, here)
        return f"{is_picture}[{words}]({link}{anchor or ''})"

    return _LINK.sub(lead, text)


def _list_below(name: str) -> str:
    """Returns the tables of contents that belong to the end of a page: of the first one, and of a folder's."""
    if name == "index.md":
        return "".join(
            _write_toctree(caption, entries) for caption, entries in SECTIONS.items()
        )
    if name != "deploy/index.md":
        return ""

    return _write_toctree(
        "",
        [
            Path(each).stem
            for each in find_pages().values()
            if each.startswith("deploy/") and each != name
        ],
    )


def _write_toctree(caption: str, entries: tuple[str, ...] | list[str]) -> str:
    lines = ["", "```{toctree}", ":hidden:"]
    lines += [f":caption: {caption}"] if caption else []
    return "\n".join([*lines, "", *entries, "```", ""])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
