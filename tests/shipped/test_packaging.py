"""The bento, the wheel and the requirements: what is packed, what it needs, and that it serves."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from tests.support.our_imports import find_missing_modules
from tests.support.server import ROOT, serve

PACKAGES = (
    "charts",
    "cli",
    "evaluation",
    "loadtest",
    "scoring",
    "service",
    "stats",
    "tables",
    "training",
    "tuning",
    "verdict",
)
OURS = ("model_card", "row_records", *PACKAGES, "tests", "benchmarks", "docs")
EXTRAS = {
    "docs": ("docs",),
    "model_card": (),
    "row_records": (),
    "stats": (),
    "verdict": (),
    "cli": ("ray",),
    "service": ("cpu", "grpc", "otel", "ray"),
    "evaluation": ("cpu", "evaluate"),
    "loadtest": ("load",),
    "scoring": ("cpu", "evaluate", "ray"),
    "tables": ("evaluate",),
    "charts": ("evaluate",),
    "training": ("ray", "train"),
    "tuning": ("load",),
    "tests": ("cpu", "grpc", "ray", "train", "test"),
    "benchmarks": ("cpu", "evaluate", "test"),
}
"""Of each top-level package the extras that bring what it imports, beside the dependencies that all have."""
HEAVY = ("torch", "sklearn", "scipy", "onnx", "onnxscript", "pandas", "pytest")


def run(*command: object, **environment: object) -> str:
    """Returns the output of a command that is run from the root of the project; fails with its errors."""
    variables = os.environ | {name: str(value) for name, value in environment.items()}
    finished = subprocess.run(
        [*map(str, command)], cwd=ROOT, env=variables, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr

    return finished.stdout


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a freshly built bento is made once for these tests."""
    home = tmp_path_factory.mktemp("bento")
    tag = run(
        sys.executable, "-m", "bentoml", "build", "--output", "tag", BENTOML_HOME=home
    )
    name, version = tag.strip().removeprefix("__tag__:").split(":")

    return home / "bentos" / name / version


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a freshly built wheel unpacks to."""
    source = tmp_path_factory.mktemp("source")
    for name in (
        "LICENSE",
        "NOTICE",
        "README.md",
        "model_card.py",
        "row_records.py",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / name, source)

    for name in (*PACKAGES, "tests", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)

    program = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run(
        [sys.executable, "-c", program], cwd=source, capture_output=True, check=True
    )
    (file,) = (source / "dist").glob("*.whl")
    unpacked = tmp_path_factory.mktemp("wheel")
    ZipFile(file).extractall(unpacked)

    return unpacked


@pytest.fixture(scope="module")
def distributions() -> Mapping[str, list[str]]:
    """Returns the distributions that bring each installed module; to read their files takes half a second."""
    return packages_distributions()


@pytest.fixture(scope="module")
def python(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has what the bento asks for, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    interpreter = folder / "bin" / "python"
    requirements = bento / "env" / "python" / "requirements.txt"
    uv = (sys.executable, "-m", "uv", "--quiet")  # in a tenth of pip's time
    run(*uv, "venv", "--python", sys.executable, folder)
    run(*uv, "pip", "install", "--python", interpreter, "-r", requirements)

    return interpreter


def test_the_bento_holds_what_it_serves_and_no_more(bento: Path) -> None:
    """Code, models and requirements are in it; tests, training and evaluation are not."""
    source = bento / "src"
    assert sorted(path.name for path in source.iterdir()) == [
        "NOTICE",
        "README.md",
        "bentofile.yaml",
        "exported_models",
        "model_card.py",
        "requirements",
        "row_records.py",
        "service",
        "stats",
        "tables",
        "verdict",
    ]
    models = ROOT / "exported_models"
    shipped = {
        path.name
        for pattern in ("*.onnx", "*.held_out.csv")
        for path in models.glob(pattern)
    }
    assert {path.name for path in (source / "exported_models").iterdir()} == shipped
    assert (source / "service" / "pages" / "home.html").exists()
    static = source / "service" / "pages" / "static"
    assert (static / "benches" / "drawing.js").exists()
    assert (static / "course" / "demos" / "descent.js").exists()


def test_the_bento_has_all_modules_that_its_code_imports(bento: Path) -> None:
    """No module of ours is imported in it that was left outside."""
    assert find_missing_modules(bento / "src") == set()


def test_the_bento_turns_telemetry_off(bento: Path) -> None:
    """The switches are set in its own environment and in its container's."""
    description = yaml.safe_load((bento / "bento.yaml").read_text())
    expected = {"ORT_DISABLE_TELEMETRY": "1", "BENTOML_DO_NOT_TRACK": "True"}
    assert {each["name"]: each["value"] for each in description["envs"]} == expected
    dockerfile = (bento / "env" / "docker" / "Dockerfile").read_text()
    assert all(name in dockerfile for name in expected)


@pytest.mark.slow
@pytest.mark.network
def test_the_environment_is_light(python: Path) -> None:
    """No library of training or testing is to be found in it."""
    program = (
        f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)])"
    )
    assert run(python, "-c", program).strip() == "[]"


@pytest.mark.slow
@pytest.mark.network
def test_the_bento_serves_in_that_environment(
    bento: Path, python: Path, tmp_path: Path
) -> None:
    """The bento is ready with every shipped model, and its answer is right."""
    with serve(
        tmp_path, python=str(python), words=("-m", "bentoml", "serve", str(bento))
    ) as server:
        assert server.client.get("/readyz").json() == {
            "ready": True,
            "models": len(list((ROOT / "exported_models").glob("*.onnx"))),
        }
        answer = server.post("/predict", {"model": "points-mlp", "inputs": [[1, 2]]})
        assert answer.json()["predictions"] == ["orange"]


@pytest.mark.slow
@pytest.mark.network
def test_the_checkout_serves_in_that_environment(python: Path, tmp_path: Path) -> None:
    """The server that `make serve` starts is ready in it too."""
    with serve(tmp_path, python=str(python)) as server:
        assert server.client.get("/readyz").status_code == 200


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    """Modules, pages, templates and the .proto are in it; tests and benchmarks are not."""
    packed = {
        path.relative_to(wheel).as_posix()
        for path in wheel.rglob("*")
        if path.is_file() and ".dist-info" not in path.parts[len(wheel.parts)]
    }
    expected = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert packed == expected | {"model_card.py", "row_records.py"}


def test_the_wheel_installs_the_command(wheel: Path) -> None:
    """The command `veredicto` is the only one that is installed."""
    (entry_points,) = wheel.glob("*.dist-info/entry_points.txt")
    assert entry_points.read_text().split() == [
        "[console_scripts]",
        "veredicto",
        "=",
        "cli.__main__:main",
    ]


def test_what_is_installed_asks_for_a_folder_of_models(
    wheel: Path, tmp_path: Path
) -> None:
    """The wheel has no models: one line says how to name a folder of them."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("VEREDICTO_")
    }
    finished = subprocess.run(
        [sys.executable, "-m", "cli", "serve"],
        cwd=tmp_path,
        env=variables | {"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 1
    assert finished.stderr == (
        "veredicto does not start: expected a folder of exported models, got none: "
        f"name yours in VEREDICTO_MODELS (the default, {wheel / 'exported_models'}, is not there)\n"
    )


def test_what_is_installed_serves_from_any_folder(
    wheel: Path, models: Path, tmp_path: Path
) -> None:
    """Code comes from the wheel, and a folder of models is named as seen from where it is started."""
    with serve(
        tmp_path,
        words=("-m", "cli", "serve"),
        cwd=tmp_path,
        PYTHONPATH=wheel,
        VEREDICTO_MODELS=models.relative_to(tmp_path),
    ) as server:
        assert server.client.get("/readyz").json() == {"ready": True, "models": 2}
        assert "<html" in server.client.get("/").text


@pytest.mark.parametrize("package", OURS)
def test_what_is_imported_is_declared(
    package: str, distributions: Mapping[str, list[str]]
) -> None:
    """Each library that a package imports is among its dependencies in pyproject.toml, not only among theirs."""
    declared = find_declared(EXTRAS[package])
    if package == "benchmarks":
        declared |= find_contenders_requirements()

    missing = {
        library
        for library in find_libraries(package)
        if not declared & set(normalise(distributions.get(library, [library])))
    }

    assert missing == set()


def normalise(names: Iterable[str]) -> list[str]:
    """Returns names of distributions as package indexes compare them."""
    return [re.sub(r"[-_.]+", "-", name).lower() for name in names]


def find_declared(extras: Iterable[str]) -> set[str]:
    """Returns the names that pyproject.toml declares for all, and in these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = list(project["dependencies"])
    for extra in extras:
        requirements += project["optional-dependencies"].get(extra, [])

    return find_names(requirements)


def find_contenders_requirements() -> set[str]:
    """Returns the names that the contenders of the benchmarks ask for, each in an environment of its own."""
    files = (ROOT / "benchmarks" / "requirements").glob("*.in")
    return find_names(line for file in files for line in file.read_text().split())


def find_names(requirements: Iterable[str]) -> set[str]:
    found = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return set(normalise(name[0] for name in found if name))


def find_libraries(package: str) -> set[str]:
    """Returns the top-level names of what a package imports, without the standard library's and ours."""
    module = ROOT / f"{package}.py"
    files = [module] if module.exists() else sorted((ROOT / package).rglob("*.py"))
    imported: set[str] = set()
    for file in files:
        # Benchmarks keep the environments of other servers in a hidden folder.
        if any(part.startswith(".") for part in file.relative_to(ROOT).parts):
            continue

        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))

    names = {name.partition(".")[0] for name in imported}

    return names - set(sys.stdlib_module_names) - set(OURS)


@pytest.mark.parametrize(
    "file", ["serve.txt", "grpc.txt", "cuda.txt", "test.txt", "audit.txt", "docs.txt"]
)
def test_requirements_are_pinned_without_addresses(file: str) -> None:
    """Each requirement has a version, and none has a place to fetch it from."""
    for line in read_requirements(file):
        assert "==" in line, line
        assert "://" not in line
        assert not line.startswith("-"), line


@pytest.mark.parametrize("file", ["serve.txt", "grpc.txt", "cuda.txt"])
def test_what_is_served_with_is_pinned_by_its_content(file: str) -> None:
    """Each requirement names the hashes of its files, and no line of the file is anything else."""
    for line in read_requirements(file):
        assert re.search(r" --hash=sha256:[0-9a-f]{64}$", line), line


def read_requirements(file: str) -> list[str]:
    """Returns each requirement as one line, with its hashes."""
    text = (ROOT / "requirements" / file).read_text()
    return re.sub(r" \\\n +", " ", text).splitlines()
