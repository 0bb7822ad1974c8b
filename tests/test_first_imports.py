"""A process imports what it needs at its start, and nothing that would only delay it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.model_folders import link_models
from tests.support.new_process import run_python

HEAVY = (
    "torch",
    "sklearn",
    "scipy",
    "onnx",
    "onnxscript",
    "skl2onnx",
    "pandas",
    "polars",
    "matplotlib",
    "training",
)

ONE_OF_A_KIND = (
    "cat_or_automobile-logistic",
    "digits-autoencoder",
    "digits-gan",
    "digits-kmeans",
    "digits-pca",
    "digits_origin-discriminator",
    "tacos-linear",
)
"""With the models of points these have each kind of input and of answer; to load all shipped models takes seconds."""


def test_the_service_starts_with_heavy_libraries_unimportable(tmp_path: Path) -> None:
    """The service, and all that it imports for a model of each kind, needs no library of training."""
    models = link_models(tmp_path, "points-*", *ONE_OF_A_KIND)
    program = (
        "import sys\n"
        f"for name in {HEAVY!r}: sys.modules[name] = None\n"
        "from service.app import Veredicto\n"
        "print(Veredicto().predict(model='points-mlp', inputs=[[1, 2]])['predictions'])"
    )
    printed = run_python(program, os.environ | {"VEREDICTO_MODELS": str(models)})

    assert printed == "['orange']"


def test_what_a_worker_imports_is_not_looked_through_again() -> None:
    """Objects made while no garbage was looked for are kept out of later looks, and these go on."""
    program = (
        "import gc\n"
        "from service.execution import process_tuning\n"
        "with process_tuning.without_collections():\n"
        "    from service.http import views\n"
        "looked_through = {id(each) for each in gc.get_objects()}\n"
        "print(gc.isenabled(), id(vars(views)) in looked_through)\n"
        "print(gc.get_threshold() == process_tuning.GC_THRESHOLDS)"
    )

    assert run_python(program) == "True False\nTrue"


@pytest.mark.parametrize(
    ("module", "variables"),
    [
        (
            "service.models.runtime.arena",
            ("ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK"),
        ),
        (
            "service.app",
            ("ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK", "OPENBLAS_NUM_THREADS"),
        ),
        (
            "service.server.composition",
            ("ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK", "OPENBLAS_NUM_THREADS"),
        ),
        ("training.export.gate", ("ORT_DISABLE_TELEMETRY",)),
    ],
)
def test_the_environment_is_set_before_the_first_import(
    module: str, variables: tuple[str, ...], models: Path
) -> None:
    """The switches of a library are set before it is first looked for, whatever the shell says."""
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
    environment = {
        name: value for name, value in os.environ.items() if name not in variables
    } | {"VEREDICTO_MODELS": str(models)}
    printed = run_python(program, environment)
    lines = printed.splitlines()

    assert any(line.startswith("onnxruntime ") for line in lines)

    expected = {
        "ORT_DISABLE_TELEMETRY": "1",
        "BENTOML_DO_NOT_TRACK": "True",
        "OPENBLAS_NUM_THREADS": "1",
    }

    assert all(
        line.endswith(str([expected[each] for each in variables])) for line in lines
    ), lines


def test_serving_loads_nothing_of_the_report(models: Path) -> None:
    """A serving process loads no module of the report, which would only delay its start."""
    program = (
        "import sys, service.app, service.server.composition, service.http.application\n"
        "service.server.composition.data_plane()\n"
        "print([name for name in sys.modules if name in %r])"
    )
    report = [
        "evaluation",
        "evaluation.evidence",
        "verdict.analysis",
        "evaluation.report.page",
        "charts.svg",
        "stats.paired_differences",
        "matplotlib",
        "polars",
    ]
    printed = run_python(
        program % report, os.environ | {"VEREDICTO_MODELS": str(models)}
    )

    assert printed == "[]"


def test_matplotlib_is_loaded_where_something_is_drawn() -> None:
    """The command of the evaluation and that of training start without matplotlib, which takes a second to load."""
    program = (
        "import sys, evaluation.__main__, evaluation.report.page, training.__main__\n"
        "print('matplotlib' in sys.modules)"
    )
    printed = run_python(program)

    assert printed == "False"


def test_the_supervisor_does_not_load_what_serves() -> None:
    """The supervisor imports the service for its settings alone, and starts the sooner."""
    program = (
        "import sys, service.app; "
        "print(sorted({'numpy', 'onnxruntime', 'service.http.application'} & set(sys.modules)))"
    )
    printed = run_python(program)

    assert printed == "[]"
