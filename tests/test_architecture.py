"""Who may import whom: the table that keeps serving light and each library behind one door."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LEARNING = ("training", "training.datasets", "training.fitted", "training.options")
"""What every family may use."""

FAMILIES = tuple(
    f"training.{family}"
    for family in (
        *("linear", "logistic", "perceptron", "mlp", "cnn", "naive_bayes", "knn", "decision_tree", "random_forest"),
        *("kmeans", "pca", "autoencoder", "gan"),
    )
)

ALLOWED: dict[str, set[str]] = {
    "model_card": set(),
    "service": set(),
    "service.errors": set(),
    "service.settings": {"service.errors"},
    "service.rows": {"numpy", "model_card", "service.errors"},
    "service.session": {"onnxruntime", "service.errors"},
    "service.model": {"numpy", "model_card", "service.errors", "service.rows", "service.session"},
    "service.matrix": {"numpy"},
    "service.tensors": {"msgspec", "numpy", "service.errors", "service.matrix"},
    "service.statistics": set(),
    "service.processors": set(),
    "service.memory": set(),
    "service.wire": {"uvicorn", "service.call"},
    "service.work": {"numpy", "service.errors", "service.served", "service.statistics"},
    "service.batching": {
        *("numpy", "service.errors", "service.processors", "service.served", "service.settings", "service.statistics"),
        "service.work",
    },
    "service.admission": {"service.errors", "service.metrics", "service.settings"},
    "service.lifespan": {"service.call", "service.errors"},
    "service.packing": {"service.errors"},
    "service.listening": {"service.errors", "service.settings"},
    "service.messages": {"google", "service.errors"},
    "service.envelope": {
        *("numpy", "service", "service.errors", "service.inference", "service.messages", "service.served"),
        *("service.settings", "service.tensors", "service.work"),
    },
    "service.procedures": {
        *("grpc", "service", "service.admission", "service.batching", "service.data_plane", "service.envelope"),
        *("service.errors", "service.listening", "service.messages", "service.metadata", "service.metrics"),
        *("service.packing", "service.served", "service.settings", "service.work"),
    },
    "service.served": {
        *("numpy", "service.errors", "service.model", "service.session", "service.statistics", "service.tensors"),
    },
    "service.registry": {"model_card", "service.errors", "service.model", "service.served"},
    "service.inference": {
        *("numpy", "service", "service.errors", "service.forms", "service.pixels", "service.served"),
        *("service.session", "service.settings", "service.tensors", "service.work"),
    },
    "service.body": {
        *("msgspec", "numpy", "service", "service.errors", "service.forms", "service.inference", "service.served"),
        *("service.payloads", "service.settings", "service.tensors", "service.work"),
    },
    "service.protocol": {
        *("msgspec", "service", "service.body", "service.call", "service.data_plane", "service.errors"),
        *("service.metadata", "service.metrics", "service.packing", "service.payloads", "service.served"),
        *("service.settings", "service.work"),
    },
    "service.abstention": {"numpy", "service.errors", "service.served"},
    "service.drift": {"service.answers", "numpy", "model_card", "service.agreement", "service.payloads"},
    "service.routing": {
        *("numpy", "service.errors", "service.model", "service.registry", "service.settings"),
    },
    "service.scores": {"numpy"},
    "service.agreement": {"numpy"},
    "service.binomial": {"numpy"},
    "service.ranking": {"numpy"},
    "service.coverage": {"numpy", "service.binomial"},
    "service.confusion": {"numpy", "service.scores"},
    "service.pairs": {"numpy", "service.binomial", "service.scores"},
    "service.reliability": {"numpy", "service.scores"},
    "service.table": {"polars", "service.errors"},
    "service.labelled": {"numpy", "model_card", "service.errors", "service.forms", "service.table"},
    "service.contenders": {
        *("numpy", "model_card", "service", "service.errors", "service.model", "service.payloads", "service.pixels"),
        "service.registry",
    },
    "service.client": {"numpy", "model_card", "service.contenders", "service.errors", "service.forms"},
    "service.trial": {"numpy", "service.contenders", "service.errors", "service.labelled"},
    "service.judgement": {
        *("numpy", "service", "service.agreement", "service.confusion", "service.coverage", "service.pairs"),
        *("service.payloads", "service.ranking", "service.reliability", "service.scores", "service.trial"),
    },
    "service.gate": {"service.errors", "service.pairs", "service.trial"},
    "service.verdict": {"service.pairs"},
    "service.evidence": {
        *("numpy", "service", "service.errors", "service.gate", "service.judgement", "service.payloads"),
        *("service.scores", "service.trial", "service.verdict"),
    },
    "service.chart": set(),
    "service.heatmap": set(),
    "service.figures": {"service.chart", "service.heatmap", "service.verdict"},
    "service.page": {
        *("jinja2", "markupsafe", "numpy", "service", "service.confusion", "service.figures", "service.gate"),
        *("service.heatmap", "service.images", "service.labelled", "service.verdict"),
    },
    "service.report": {
        *("service", "service.client", "service.contenders", "service.errors", "service.evidence", "service.gate"),
        *("service.labelled", "service.page", "service.payloads", "service.settings", "service.trial"),
    },
    "service.sequential": {"numpy"},
    "service.answers": {"service.rows", "service.sequential"},
    "service.database": {"service.errors"},
    "service.entry": {"numpy"},
    "service.numbering": {"service.entry"},
    "service.ledger": {
        *("numpy", "service", "service.entry", "service.errors", "service.numbering", "service.sequential"),
    },
    "service.journal": {
        *("service", "service.database", "service.entry", "service.errors", "service.ledger", "service.metrics"),
    },
    "service.lineup": {"service.errors", "service.entry", "service.model", "service.registry", "service.settings"},
    "service.shadow": {
        *("numpy", "service", "service.errors", "service.journal", "service.entry", "service.lineup"),
        *("service.metrics", "service.model", "service.payloads", "service.processors"),
    },
    "service.window": {"numpy", "service", "service.database", "service.entry"},
    "service.standing": {
        "service.answers",
        *("numpy", "service", "service.agreement", "service.entry", "service.lineup", "service.model"),
        *("service.payloads", "service.scores", "service.sequential", "service.window"),
    },
    "service.intake": {
        "service.answers",
        *("numpy", "service", "service.drift", "service.entry", "service.journal", "service.metrics"),
        *("service.payloads", "service.window"),
    },
    "service.observer": {
        "service.answers",
        *("service.drift", "service.intake"),
        *("service", "service.errors", "service.journal", "service.entry", "service.lineup", "service.model"),
        *("service.payloads", "service.processors", "service.registry", "service.settings", "service.shadow"),
        "service.standing",
        "service.window",
    },
    "service.forms": {"python_multipart", "service.errors"},
    "service.pixels": {"numpy", "service", "service.errors", "service.forms", "service.images"},
    "service.explanation": {
        *("numpy", "model_card", "service", "service.errors", "service.images", "service.model"),
    },
    "service.payloads": {"msgspec", "numpy", "orjson", "service.errors", "service.matrix", "service.sequential"},
    "service.comparison": {
        "service.answers",
        "numpy",
        "service",
        "service.agreement",
        "service.payloads",
        "service.scores",
    },
    "service.images": {"numpy", "PIL", "service.errors", "simplejpeg"},
    "service.data_plane": {
        "service.answers",
        *("numpy", "model_card", "service", "service.abstention", "service.comparison", "service.errors"),
        *("service.gallery", "service.model", "service.observer", "service.payloads"),
        *("service.pixels", "service.registry", "service.routing", "service.rows", "service.served"),
        *("service.settings", "service.standing", "service.statistics", "service.work"),
    },
    "service.gallery": {
        "service.answers",
        *("numpy", "service", "service.errors", "service.explanation", "service.images", "service.model"),
        *("service.payloads", "service.registry", "service.served", "service.settings"),
    },
    "service.metadata": {
        *("service", "service.registry", "service.served", "service.session", "service.settings", "service.tensors"),
    },
    "service.openapi": set(),
    "service.protocol_documentation": {"service", "service.body", "service.metadata", "service.openapi"},
    "service.documentation": {
        "service.answers",
        *("model_card", "msgspec", "service", "service.forms", "service.images", "service.openapi"),
        *("service.payloads", "service.protocol_documentation"),
    },
    "service.metrics": {
        "service.answers",
        *("prometheus_client", "service.errors", "service.payloads", "service.served", "service.statistics"),
        "service.work",
    },
    "service.call": {
        "service.pixels",
        *("service.errors", "service.forms", "service.images", "service.metrics", "service.payloads"),
        *("service.settings", "service.work"),
    },
    "service.front": {
        *("service", "service.admission", "service.batching", "service.call", "service.data_plane"),
        *("service.documentation", "service.errors", "service.lifespan", "service.metrics", "service.payloads"),
        *("service.protocol", "service.settings", "service.wire", "service.work"),
    },
    "service.app": {
        *("bentoml", "service", "service.admission", "service.batching", "service.data_plane", "service.errors"),
        *("service.front", "service.lifespan", "service.listening", "service.memory", "service.metrics"),
        *("service.database", "service.lineup", "service.observer"),
        *("service.procedures", "service.registry", "service.settings", "service.wire"),
    },
    "training": set(),
    "training.options": set(),
    "training.datasets": {"numpy", "sklearn"},
    "training.fitted": {"numpy", "onnx", "training.datasets"},
    "training.graph": {"numpy", "onnx", "onnxruntime"},
    "training.network": {"numpy", "onnx", "torch", "model_card", "training.graph"},
    "training.estimator": {"numpy", "onnx", "skl2onnx", "sklearn", "training.graph"},
    "training.descent": {"numpy", "torch", *LEARNING, "training.network"},
    "training.linear": {"torch", *LEARNING, "training.descent", "training.network"},
    "training.logistic": {"torch", *LEARNING, "training.descent", "training.network"},
    "training.perceptron": {"numpy", "torch", *LEARNING, "training.network"},
    "training.mlp": {"torch", *LEARNING, "training.descent", "training.network"},
    "training.processors": set(),
    "training.preprocessing": {"PIL", "numpy", "onnx", "training.graph"},
    "training.image_data": {"PIL", "numpy", "torchvision", "training.preprocessing", "training.table"},
    "training.memory": set(),
    "training.muon": {"torch"},
    "training.schedule": {"torch", "training.muon"},
    "training.selection": {"torch", "training.schedule"},
    "training.augmentation": {"torch"},
    "training.image_descent": {
        *("numpy", "torch", "training.augmentation", "training.memory", "training.schedule", "training.selection"),
    },
    "training.convnet": {"torch"},
    "training.dense": {"torch"},
    "training.image_network": {
        *("numpy", "onnx", "torch", "training", "training.graph", "training.image_descent", "training.network"),
        "training.preprocessing",
    },
    "training.image_classifier": {
        *("torch", *LEARNING, "training.convnet", "training.dense", "training.freshness", "training.image_data"),
        *("training.image_descent", "training.image_network", "training.processors", "training.schedule"),
    },
    "training.weights": {"torch", "torchvision", "training.fitted"},
    "training.architecture": {"torch", "torchvision", "training.convnet", "training.fitted", "training.weights"},
    "training.pretrained": {
        *("PIL", "numpy", "torch", *LEARNING, "training.architecture", "training.convnet", "training.image_classifier"),
        *("training.image_data", "training.image_descent", "training.image_network", "training.schedule"),
        "training.weights",
    },
    "training.faces": {
        *("numpy", "sklearn", "torch", *LEARNING, "training.image_classifier", "training.image_data"),
        *("training.image_descent", "training.image_network"),
    },
    "training.few_images": {
        *("numpy", "model_card", "training.datasets", "training.evaluation", "training.image_classifier"),
        *("training.image_data", "training.image_network", "training.pretrained"),
    },
    "training.cnn": {"torch", *LEARNING, "training.descent", "training.network"},
    "training.naive_bayes": {"sklearn", *LEARNING, "training.estimator"},
    "training.knn": {"numpy", "onnx", *LEARNING, "training.graph"},
    "training.decision_tree": {"sklearn", *LEARNING, "training.estimator"},
    "training.random_forest": {"sklearn", *LEARNING, "training.estimator"},
    "training.kmeans": {"sklearn", "torch", *LEARNING, "training.network"},
    "training.pca": {"sklearn", "torch", *LEARNING, "training.network"},
    "training.autoencoder": {"torch", *LEARNING, "training.descent", "training.network"},
    "training.gan": {"numpy", "torch", *LEARNING, "training.descent", "training.network"},
    "training.families": {
        *(
            "training",
            *FAMILIES,
            "training.faces",
            "training.fitted",
            "training.image_classifier",
            "training.pretrained",
        ),
    },
    "training.table": {"numpy", "polars", "training.datasets"},
    "training.encoding": {"numpy", "onnx", "training.datasets", "training.fitted", "training.graph"},
    "training.calibration": {"numpy", "onnx", "scipy", "model_card", "training.fitted", "training.graph"},
    "training.evaluation": {
        *("numpy", "scipy", "sklearn", "model_card", "training.calibration", "training.datasets", "training.graph"),
        "training.image_data",
    },
    "training.distribution": {"numpy", "model_card"},
    "training.export": {
        *("numpy", "onnx", "model_card", "training.datasets", "training.distribution", "training.evaluation"),
        *("training.fitted", "training.graph", "training.image_data"),
    },
    "training.freshness": {"onnx", "model_card", "training.fitted"},
    "training.pipeline": {
        *("numpy", "model_card", "training", "training.calibration", "training.datasets", "training.encoding"),
        *("training.evaluation", "training.export", "training.fitted", "training.freshness", "training.graph"),
        "training.image_data",
    },
    "training.catalogue": set(),
    "training.command": {
        *("training", "training.datasets", "training.families", "training.options", "training.pipeline"),
        *("training.image_data", "training.table"),
        *("training.faces", "training.pretrained"),
    },
    "training.progress": {"rich", "model_card", "training.evaluation", "training.fitted"},
    "training.canvas": {"matplotlib", "numpy"},
    "training.charts": {"matplotlib", "numpy", "model_card", "training.canvas"},
    "training.panels": {"matplotlib", "numpy", "sklearn", "training.canvas"},
    "training.curves": {
        *("numpy", "scipy", "sklearn", "torch", "training.datasets", "training.fitted", "training.pca"),
        "training.pipeline",
    },
    "training.subject": {
        *("numpy", "sklearn", "model_card", "training.calibration", "training.datasets", "training.encoding"),
        *("training.estimator", "training.fitted", "training.graph", "training.network", "training.pipeline"),
    },
    "training.report": {
        *("matplotlib", "numpy", "sklearn", "training", "training.canvas", "training.charts", "training.curves"),
        *(
            "training.datasets",
            "training.evaluation",
            "training.kmeans",
            "training.panels",
            "training.pca",
            "training.pipeline",
        ),
        "training.subject",
        *("training.few_images", "training.image_data", "training.pretrained"),
    },
    "training.jobs": {
        *("rich", "model_card", "training", "training.command", "training.export", "training.fitted"),
        *("training.freshness", "training.pipeline", "training.processors", "training.progress"),
        *("training.report", "training.table"),
    },
    "training.readme": {
        *("numpy", "model_card", "training.catalogue", "training.freshness", "training.graph", "training.progress"),
    },
    "training.__main__": {
        *("rich", "model_card", "training", "training.catalogue", "training.command", "training.families"),
        *(
            "training.fitted",
            "training.image_data",
            "training.freshness",
            "training.jobs",
            "training.pipeline",
            "training.progress",
            "training.table",
        ),
    },
}
FIRST_PARTY = ("model_card", "service", "training")
HEAVY = ("torch", "sklearn", "scipy", "onnx", "onnxscript", "skl2onnx", "pandas", "polars", "matplotlib", "training")


def modules() -> dict[str, Path]:
    paths = [ROOT / "model_card.py", *(ROOT / "service").glob("*.py"), *(ROOT / "training").glob("*.py")]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def imports(path: Path) -> set[str]:
    """First-party modules in full, third-party packages by their first name, the standard library left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(str(node.module))
            if node.module in ("service", "training"):
                found |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name.islower()}
    roots = {name if name.startswith(FIRST_PARTY) else name.partition(".")[0] for name in found}
    return roots - set(sys.stdlib_module_names)


def test_every_module_is_in_the_table() -> None:
    """A new module is placed by whoever adds it."""
    assert set(modules()) == set(ALLOWED)


@pytest.mark.parametrize("module", sorted(ALLOWED))
def test_a_module_imports_what_its_place_allows(module: str) -> None:
    """And nothing else."""
    assert imports(modules()[module]) <= ALLOWED[module]


def test_serving_and_training_never_meet() -> None:
    """What they share is the card alone."""
    for module, allowed in ALLOWED.items():
        other = "training" if module.startswith("service") else "service"
        assert module == "model_card" or not any(name.startswith(other) for name in allowed), module


@pytest.mark.parametrize(
    "library",
    [
        *("bentoml", "google", "grpc", "onnxruntime", "prometheus_client", "orjson", "PIL", "python_multipart"),
        *("jinja2", "polars", "simplejpeg"),
        "uvicorn",
    ],
)
def test_each_library_has_one_door_in_the_service(library: str) -> None:
    """Exchanging it touches one module."""
    doors = [module for module in ALLOWED if module.startswith("service") and library in imports(modules()[module])]
    assert len(doors) == 1, doors


def test_the_service_starts_with_heavy_libraries_unimportable() -> None:
    """Neither directly nor through anything that it imports."""
    program = (
        "import sys\n"
        f"for name in {HEAVY!r}: sys.modules[name] = None\n"
        "from service.app import Veredicto\n"
        "print(Veredicto().predict(model='points-mlp', inputs=[[1, 2]])['predictions'])"
    )
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "['orange']"


@pytest.mark.parametrize(
    ("module", "variables"),
    [
        ("service.session", ("ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK")),
        ("service.app", ("ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK", "OPENBLAS_NUM_THREADS")),
        ("training.export", ("ORT_DISABLE_TELEMETRY",)),
    ],
)
def test_the_environment_is_set_before_the_first_import(module: str, variables: tuple[str, ...]) -> None:
    """Whatever the shell says: the switches are thrown by the time the library is looked for."""
    program = (
        "import os, sys, importlib.abc\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name in ('onnxruntime', 'bentoml'):\n"
        f"            print(name, [os.environ.get(each) for each in {variables!r}])\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"import {module}\n"
        f"getattr({module}, 'data_plane', str)()\n"  # what the service imports when it loads its models
    )
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    lines = finished.stdout.splitlines()
    assert any(line.startswith("onnxruntime ") for line in lines)
    expected = {"ORT_DISABLE_TELEMETRY": "1", "BENTOML_DO_NOT_TRACK": "True", "OPENBLAS_NUM_THREADS": "1"}
    assert all(line.endswith(str([expected[each] for each in variables])) for line in lines), lines


def test_serving_loads_nothing_of_the_report() -> None:
    """It would only start the later."""
    program = (
        "import sys, service.app, service.front\nservice.app.data_plane()\n"
        "print([name for name in sys.modules if name in %r])"
    )
    report = ["service.report", "service.evidence", "service.judgement", "service.page", "service.pairs", "polars"]
    finished = subprocess.run(
        [sys.executable, "-c", program % report], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


def test_the_supervisor_does_not_load_what_serves() -> None:
    """It imports the service for its settings alone, and starts the sooner."""
    program = "import sys, service.app; print(sorted({'numpy', 'onnxruntime', 'service.front'} & set(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
