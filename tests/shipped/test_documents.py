"""All documents: paths, links and make targets that they name exist, and the limits of their length hold."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from service.settings import Settings
from tests.support.documents import DOCUMENTS, ROOT, find_code, read_document

MAX_README_LINES = 150
MAX_DESIGN_WORDS = 1500
SUFFIXES = ("py", "md", "txt", "toml", "yaml", "html", "png", "in", "proto")
LIVING = [
    path
    for path in DOCUMENTS
    if path not in ("CHANGELOG.md", "benchmarks/README.md", "exported_models/README.md")
]
"""Documents whose paths are taken from the root; a changelog may name what is gone."""
OTHER_VARIABLES = {
    "VEREDICTO_DATA",
    "VEREDICTO_SERVICE_HOST",
    "VEREDICTO_PORT",
}
"""Variables of training, and those that Kubernetes sets for services of this name."""
SECTIONS = [
    "Context",
    "Decision",
    "What was measured",
    "What would change our mind",
]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
FLOWCHART_LINE = re.compile(
    r"flowchart (TD|LR)"
    r"|(\w+(\[\"[^\"]+\"\])?)( -->(\|\"[^\"]+\"\|)? \w+(\[\"[^\"]+\"\])?)+"
)


def find_paths(text: str) -> list[str]:
    """Returns what stands in backticks and looks like a file or a folder of the repository."""
    quoted = re.findall(r"`([\w./-]+)`", text)
    return [
        each for each in quoted if "/" in each and each.rpartition(".")[2] in SUFFIXES
    ]


def test_readme_is_one_page() -> None:
    """README has at most 150 lines."""
    assert len(read_document("README.md").splitlines()) <= MAX_README_LINES


def test_design_is_a_map() -> None:
    """DESIGN.md has at most 1,500 words."""
    assert len(read_document("DESIGN.md").split()) <= MAX_DESIGN_WORDS


@pytest.mark.parametrize("document", LIVING)
def test_every_path_exists(document: str) -> None:
    """A file that a document names in backticks lies where the document says."""
    for path in find_paths(read_document(document)):
        if not path.startswith(("reports/", "http")):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("document", LIVING)
def test_every_folder_exists(document: str) -> None:
    """A folder of the top that a document names in backticks exists."""
    made = ("build", "reports", "my_models")
    tops = "|".join(
        path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in made
    )
    for folder in re.findall(rf"`((?:{tops})/[\w/]*)`", read_document(document)):
        assert (ROOT / folder).exists(), folder


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_exists(document: str) -> None:
    """A relative link leads to a file of the repository."""
    text = read_document(document)
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / document).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_exists(document: str) -> None:
    """A `make` command that a document names is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))

    found = set(re.findall(r"(?:`|^)make ([a-z]+)", read_document(document), re.M))

    assert found <= targets


@pytest.mark.parametrize("document", LIVING)
def test_every_module_that_a_command_runs_exists(document: str) -> None:
    """Each name after `python -m` is that of a package or a module of the repository, or pytest or venv."""
    for module in re.findall(r"python3? -m ([\w.]+)", read_document(document)):
        path = ROOT.joinpath(*module.split("."))
        is_ours = path.with_suffix(".py").exists() or (path / "__main__.py").exists()
        assert is_ours or module in ("pytest", "venv"), module


@pytest.mark.parametrize("document", LIVING)
def test_every_extra_exists(document: str) -> None:
    """Each extra that `pip install '.[EXTRA]'` asks for is declared in pyproject.toml."""
    project = tomllib.loads(read_document("pyproject.toml"))["project"]
    found = set(re.findall(r"'\.\[(\w+)\]'", read_document(document)))
    assert found <= project["optional-dependencies"].keys()


@pytest.mark.parametrize("document", LIVING)
def test_every_setting_exists(document: str) -> None:
    """A variable that a document names is a setting of the server, or one of training."""
    settings = {f"VEREDICTO_{each.name.upper()}" for each in fields(Settings)}
    found = set(re.findall(r"VEREDICTO_[A-Z_]*[A-Z]", read_document(document)))
    assert found <= settings | OTHER_VARIABLES


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_sections_and_is_in_the_index(path: Path) -> None:
    """A decision bears its number and the four sections, and the index has its title."""
    text = path.read_text(encoding="utf-8")
    number, _, title = text.partition("\n")[0].removeprefix("# ").partition(" ")
    index = read_document("docs/decisions/README.md")

    assert number == path.name[:3]
    assert re.findall(r"^## (.*)$", text, re.M) == SECTIONS
    assert f"| [{number}]({path.name}) | {title} |" in index


def test_decisions_are_numbered_without_gaps() -> None:
    """The first decision has the number 1, and each further one the next number."""
    numbers = [int(path.name[:3]) for path in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_drawings_are_flowcharts_of_quoted_nodes(document: str) -> None:
    """Each line of a drawing is plain enough that every host's version of Mermaid renders it."""
    for drawing in find_code(read_document(document), "mermaid"):
        for line in drawing.splitlines():
            assert FLOWCHART_LINE.fullmatch(line.strip()), line


def test_design_has_two_drawings() -> None:
    """DESIGN.md draws the rooms and a request's life."""
    assert len(find_code(read_document("DESIGN.md"), "mermaid")) == 2


def read_packages() -> dict[str, set[str]]:
    """Returns what each package imports of ours, from the table that the architecture test holds."""
    source = (ROOT / "tests" / "test_architecture.py").read_text(encoding="utf-8")
    (table,) = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == "PACKAGES"
    ]
    packages: dict[str, set[str]] = ast.literal_eval(table)

    return packages


def read_imports() -> dict[str, set[str]]:
    """Returns what each package of the service imports of ours, from the table that the architecture test holds.

    Commands are left out: what they start stands below `app`.
    """
    return {
        name.removeprefix("service.").rpartition(".")[2]: {
            each.removeprefix("service.").rpartition(".")[2] for each in imported
        }
        for name, imported in read_packages().items()
        if name.startswith(("service.", "verdict")) and not name.endswith("__main__")
    }


def test_the_table_of_rooms_is_that_of_the_imports() -> None:
    """Each folder imports what its row names, and nothing else of ours but the contract and `cli`, where it may."""
    contract = {"model_card", "row_records"}
    imports: dict[str, set[str]] = {}
    for package, imported in read_packages().items():
        room = package.partition(".")[0]
        others = {each.partition(".")[0] for each in imported} - {room, "cli"}
        imports.setdefault(room, set()).update(others)

    rows = re.findall(
        r"^\| `(\w+)/` \| .* \| (.+) \|$", read_document("DESIGN.md"), re.M
    )
    assert {room for room, _ in rows} >= imports.keys() - contract
    for room, said in rows:
        if said == "all":
            continue

        named = set(re.findall(r"`(\w+)/", said))
        found = imports.get(room, set())
        assert found - contract == named, room
        assert "the contract" in said or not found & contract, room


def test_the_drawing_of_the_rooms_is_that_of_the_imports() -> None:
    """Each arrow among packages is an import, and each import goes down the arrows."""
    drawing, _ = find_code(read_document("DESIGN.md"), "mermaid")
    arrows = re.findall(r"^ +(\w+)\b.*? --> (\w+)", drawing, re.M)
    below: dict[str, set[str]] = {}
    for upper, lower in reversed(arrows):
        below.setdefault(upper, set()).update({lower}, below.get(lower, set()))

    imports = read_imports()
    ground = {
        "announcement",
        "errors",
        "first_signals",
        "generated_table",
        "labelling",
        "losses",
        "model_card",
        "monitoring",
        "row_records",
        "service",
        "service_links",
        "setting_types",
        "settings",
        "settings_document",
        "settings_file",
        "stats",
        "tables",
    }

    for upper, lower in arrows:
        assert lower == "ground" or lower in imports[upper], (upper, lower)
    for package, imported in imports.items():
        assert imported - ground <= below.get(package, set()), package
