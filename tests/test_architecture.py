"""Three tables say who may import whom; they are compared by `==`, so that nothing in them goes stale."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOPS = (
    "model_card",
    "row_records",
    "stats",
    "verdict",
    "tables",
    "charts",
    "service",
    "evaluation",
    "loadtest",
    "scoring",
    "training",
    "tuning",
    "cli",
)
MAX_MODULES = 20
"""Modules of one package: a larger folder is no layout."""

PACKAGES: dict[str, set[str]] = {
    "evaluation": {
        "cli",
        "model_card",
        "service.contract",
        "service.errors",
        "service.judging",
        "service.models",
        "service.models.images",
        "stats",
        "stats.labelling",
        "stats.losses",
        "stats.monitoring",
        "tables",
        "verdict",
    },
    "evaluation.__main__": {
        "cli",
        "evaluation",
        "evaluation.report",
        "service.contract",
        "service.errors",
        "service.judging",
        "service.settings",
        "verdict",
    },
    "evaluation.report": {
        "charts",
        "evaluation",
        "service.errors",
        "service.judging",
        "service.models.images",
        "stats",
        "verdict",
    },
    "loadtest": {
        "cli",
        "loadtest.sending",
        "loadtest.targets",
        "service.errors",
        "stats",
    },
    "loadtest.__main__": {"cli", "loadtest", "loadtest.report", "service.errors"},
    "loadtest.report": {"charts", "loadtest"},
    "loadtest.sending": {"service.errors", "tables"},
    "loadtest.targets": {
        "loadtest.sending",
        "service.errors",
        "service.grpc",
        "tables",
    },
    "row_records": {"model_card"},
    "scoring": {
        "cli",
        "evaluation",
        "model_card",
        "row_records",
        "service",
        "service.contract",
        "service.errors",
        "service.execution",
        "service.judging",
        "service.models",
        "service.models.images",
        "service.settings",
        "stats",
        "tables",
        "verdict",
    },
    "scoring.__main__": {"cli", "cli.__main__", "scoring", "service.errors"},
    "service.__main__": {"service.command_line", "service.first_signals"},
    "service.access": {"service.errors", "service.settings"},
    "service.access.__main__": {"service.access", "service.errors"},
    "service.app": {
        "service.contract",
        "service.http",
        "service.launch",
        "service.server",
    },
    "service.calls": {
        "model_card",
        "row_records",
        "service.calls.explaining",
        "service.contract",
        "service.errors",
        "service.execution",
        "service.judging",
        "service.live",
        "service.live.journal",
        "service.live.journal.reading",
        "service.models",
        "service.models.images",
        "service.settings",
        "stats",
        "verdict",
    },
    "service.calls.explaining": {
        "model_card",
        "service.contract",
        "service.errors",
        "service.models",
        "service.models.parsing",
    },
    "service.contract": {
        "service.errors",
        "service.generated_table",
        "service.settings",
        "service.settings_document",
    },
    "service.execution": {
        "service.contract",
        "service.errors",
        "service.models",
        "service.models.runtime",
        "service.observability",
        "service.settings",
    },
    "service.grpc": {
        "service.access",
        "service.calls",
        "service.contract",
        "service.errors",
        "service.execution",
        "service.models",
        "service.observability",
        "service.open_inference",
        "service.settings",
    },
    "service.http": {
        "service.access",
        "service.calls",
        "service.contract",
        "service.errors",
        "service.execution",
        "service.http.request_bodies",
        "service.models",
        "service.models.images",
        "service.observability",
        "service.open_inference",
        "service.reference",
        "service.settings",
    },
    "service.http.request_bodies": {
        "service.contract",
        "service.errors",
        "service.execution",
        "service.models",
        "service.models.images",
        "service.open_inference",
        "tables",
    },
    "service.http.wire": {
        "service.contract",
        "service.errors",
        "service.execution",
        "service.http",
        "service.settings",
    },
    "service.judging": {
        "model_card",
        "row_records",
        "service",
        "service.contract",
        "service.errors",
        "service.models",
        "service.models.images",
        "stats",
        "tables",
        "verdict",
    },
    "service.command_line": {
        "service.launch",
        "service.processes",
        "service.setting_types",
        "service.settings",
    },
    "service.launch": {
        "service.access",
        "service.announcement",
        "service.errors",
        "service.execution",
        "service.observability",
        "service.processes",
        "service.service_links",
        "service.settings",
        "service.settings_file",
        "service.start_checks",
    },
    "service.live": {
        "model_card",
        "service.contract",
        "service.errors",
        "service.execution",
        "service.live.journal",
        "service.live.journal.reading",
        "service.live.journal.storage",
        "service.models",
        "service.models.images",
        "service.settings",
        "stats",
        "stats.losses",
        "stats.monitoring",
    },
    "service.live.journal": {
        "service.errors",
        "service.execution",
        "service.live.journal.storage",
        "stats",
        "stats.losses",
    },
    "service.live.journal.__main__": {
        "service.live.journal.merging",
    },
    "service.live.journal.merging": {
        "service.errors",
        "service.live.journal",
        "service.live.journal.storage",
        "stats",
    },
    "service.live.journal.reading": {
        "service.live.journal",
        "service.live.journal.storage",
    },
    "service.live.journal.storage": {
        "service.errors",
    },
    "service.models": {
        "model_card",
        "row_records",
        "service.contract",
        "service.errors",
        "service.models.parsing",
        "service.models.runtime",
        "service.settings",
        "tables",
    },
    "service.models.images": {
        "service.contract",
        "service.errors",
        "service.models",
        "service.models.runtime",
    },
    "service.models.parsing": {"service.errors"},
    "service.models.runtime": {"service.errors", "service.models.parsing"},
    "service.observability": {"service.settings"},
    "service.open_inference": {
        "service",
        "service.contract",
        "service.errors",
        "service.execution",
        "service.models",
        "service.models.images",
        "service.models.parsing",
        "service.settings",
    },
    "service.processes": {
        "service.errors",
        "service.first_signals",
        "service.models",
        "service.observability",
        "service.repository",
        "service.settings",
    },
    "service.ray_serve": {"service.http", "service.server", "service.settings"},
    "service.reference": {
        "model_card",
        "service.contract",
        "service.models.images",
        "service.open_inference",
    },
    "service.repository": {"service.errors", "service.models", "service.settings"},
    "service.server": {
        "service",
        "service.access",
        "service.calls",
        "service.errors",
        "service.execution",
        "service.grpc",
        "service.http",
        "service.http.wire",
        "service.live",
        "service.models",
        "service.models.runtime",
        "service.observability",
        "service.processes",
        "service.repository",
        "service.settings",
    },
    "service.settings": {
        "service.errors",
        "service.service_links",
        "service.setting_types",
        "service.settings_file",
    },
    "service.settings_document": {"service.generated_table", "service.settings"},
    "service.settings_file": {"service.errors"},
    "service.start_checks": {
        "service.errors",
        "service.grpc",
        "service.live",
        "service.live.journal.storage",
        "service.settings",
    },
    "stats.labelling": {"stats"},
    "stats.losses": {"stats"},
    "stats.monitoring": {"stats"},
    "training.__main__": {"training.command_line", "training.commands"},
    "training.adopt": {
        "cli",
        "model_card",
        "tables",
        "training.data",
        "training.export",
        "training.graph",
        "training.option_types",
    },
    "training.adopt.__main__": {"cli.__main__", "training.adopt", "training.console"},
    "training.arguments": {
        "cli",
        "tables",
        "training.command_line",
        "training.data",
        "training.export",
        "training.families",
        "training.images",
        "training.learning",
        "training.option_types",
        "training.pipeline",
        "training.shipped",
        "training.transfer",
    },
    "training.command_document": {
        "training.arguments",
        "training.command_line",
        "training.data",
        "training.families",
    },
    "training.command_line": {"cli", "tables", "training.option_types"},
    "training.commands": {
        "model_card",
        "tables",
        "training.arguments",
        "training.console",
        "training.data",
        "training.export",
        "training.families",
        "training.held_out_examples",
        "training.jobs",
        "training.learning",
        "training.pipeline",
        "training.ray_jobs",
        "training.shipped",
    },
    "training.console": {"model_card", "training.export", "training.learning"},
    "training.data": {"tables", "training.graph"},
    "training.export": {
        "model_card",
        "row_records",
        "training.data",
        "training.graph",
        "training.learning",
    },
    "training.families": {
        "training.data",
        "training.graph",
        "training.learning",
        "training.option_types",
    },
    "training.held_out_examples": {"row_records", "training.data", "training.export"},
    "training.held_out_tables": {
        "row_records",
        "training.data",
        "training.held_out_examples",
    },
    "training.images": {
        "training.data",
        "training.export",
        "training.graph",
        "training.learning",
        "training.memory",
        "training.option_types",
        "training.processors",
    },
    "training.jobs": {
        "cli",
        "model_card",
        "tables",
        "training.arguments",
        "training.console",
        "training.data",
        "training.export",
        "training.families",
        "training.held_out_examples",
        "training.job_progress",
        "training.judging",
        "training.learning",
        "training.photographs",
        "training.pictures",
        "training.pipeline",
        "training.processors",
    },
    "training.judging": {"training.export", "training.learning", "training.pipeline"},
    "training.learning": {
        "model_card",
        "training.data",
        "training.graph",
        "training.option_types",
    },
    "training.model_tables": {
        "model_card",
        "training.console",
        "training.export",
        "training.graph",
        "training.shipped",
    },
    "training.photographs": {
        "model_card",
        "training.data",
        "training.export",
        "training.graph",
        "training.images",
        "training.learning",
        "training.pipeline",
    },
    "training.pictures": {
        "charts",
        "model_card",
        "training.data",
        "training.export",
        "training.families",
        "training.graph",
        "training.learning",
        "training.pipeline",
        "training.transfer",
    },
    "training.pipeline": {
        "model_card",
        "training.data",
        "training.export",
        "training.graph",
        "training.learning",
    },
    "training.ray_jobs": {
        "cli",
        "training.job_progress",
        "training.jobs",
        "training.learning",
    },
    "training.transfer": {
        "model_card",
        "training.data",
        "training.export",
        "training.images",
        "training.learning",
        "training.memory",
        "training.option_types",
    },
    "tuning": {
        "loadtest",
        "loadtest.sending",
        "loadtest.targets",
        "service.errors",
        "service.settings",
        "stats",
    },
    "tuning.__main__": {
        "cli",
        "loadtest",
        "loadtest.targets",
        "service.execution",
        "tuning",
    },
    "verdict": {"service.contract", "stats", "stats.labelling", "stats.losses"},
}
"""Each package imports these packages of ours."""

SHOWN: dict[str, set[str]] = {
    "charts": {
        "bars",
        "canvas",
        "heatmap",
        "intervals",
        "lines",
        "palette",
        "reliability",
        "scales",
        "scatter",
        "svg",
    },
    "cli": {"output", "parser", "places", "ray_address"},
    "evaluation": {
        "arguments",
        "champion_log_check",
        "classifiers",
        "criterion",
        "evidence",
        "gate",
        "image_folders",
        "image_hashes",
        "labelled_data",
        "latency_verdict",
        "progress",
        "remote",
        "unlabelled",
        "verification",
    },
    "evaluation.report": {"page"},
    "loadtest": {
        "arguments",
        "command_line",
        "commands",
        "comparison",
        "console",
        "load_options",
        "objectives",
        "option_types",
        "raw_file",
        "result",
        "run",
        "search",
        "verdict",
    },
    "loadtest.report": {"page"},
    "loadtest.sending": {
        "connection",
        "grpc_sender",
        "http_sender",
        "pacing",
        "recording",
        "samples",
        "schedule",
    },
    "loadtest.targets": {
        "options",
        "server",
        "target",
    },
    "scoring": {"arguments", "pool", "run"},
    "service.access": {
        "check",
        "cors",
        "kept_certificate",
        "renewal",
        "rights",
        "tls",
        "tokens",
    },
    "service.calls": {"data_plane", "invocations", "judgement"},
    "service.calls.explaining": {"contributions", "rows"},
    "service.contract": {
        "answers",
        "arrays",
        "calls",
        "codec",
        "cost_table",
        "extreme_numbers",
        "limits",
        "live_answers",
        "repeated_names",
        "requests",
    },
    "service.execution": {
        "admission",
        "batching",
        "descriptors",
        "freed_memory",
        "garbage",
        "gauges",
        "joined_runs",
        "lifecycle",
        "live_metrics",
        "metric_files",
        "metrics",
        "pipeline",
        "process_tuning",
        "processors",
        "run",
        "turn_batching",
    },
    "service.grpc": {"messages", "port", "server"},
    "service.http": {
        "application",
        "gate",
        "lifespan",
        "request_timeout",
        "response_writer",
        "responses",
    },
    "service.http.request_bodies": {"csv_rows", "forms", "infer_body", "multipart"},
    "service.http.wire": {"connections", "fast_path"},
    "service.judging": {
        "asked_models",
        "classifiers",
        "evidence",
        "labelled_csv",
        "labelled_rows",
        "predictions",
        "row_hashes",
    },
    "service.live": {
        "challenger_tests",
        "challengers",
        "champion_log",
        "comparison",
        "monitor",
    },
    "service.live.journal": {
        "challenger_counts",
        "feature_counts",
        "group_keys",
        "prediction_ids",
        "records",
        "shadows",
        "surrogate_keys",
        "writer",
    },
    "service.live.journal.merging": {
        "merge",
        "sources",
    },
    "service.live.journal.reading": {
        "reader",
        "window",
    },
    "service.live.journal.storage": {
        "file",
        "problems",
        "schema",
        "startup",
    },
    "service.models": {
        "cancellation",
        "content",
        "datatypes",
        "folder",
        "folder_loader",
        "graph",
        "model",
        "model_statistics",
        "registry",
        "regular_files",
        "row_columns",
        "rows",
        "session",
    },
    "service.models.images": {
        "budget",
        "image_codec",
        "media_types",
        "pictures",
        "rows",
    },
    "service.models.parsing": {
        "ensemble_reader",
        "external_tensors",
        "gelu_order",
        "guarded_nodes",
        "onnx_file",
        "other_formats",
        "outline",
        "subgraph",
        "tree_ensemble",
    },
    "service.models.runtime": {
        "arena",
        "bfloat16_runs",
        "inference_session",
        "options",
        "process_memory",
        "run_errors",
        "time_limits",
        "zip_maps",
    },
    "service.observability": {"ended_request", "logs", "observer", "request_ids"},
    "service.open_inference": {
        "compression",
        "inference",
        "input_tensors",
        "metadata",
        "parameters",
        "requests",
        "tensors",
    },
    "service.processes": {
        "fork_server",
        "link",
        "listening",
        "own_folder",
        "reload_request",
        "reloader",
        "supervisor",
        "supervisor_options",
        "worker",
    },
    "service.reference": {"document", "openapi", "pages"},
    "service.repository": {"generation", "loading", "next_generation", "stamps"},
    "service.server": {"bentoml_stand_in", "composition"},
    "stats": {
        "agreement",
        "binomial",
        "chi_square",
        "class_means",
        "confusion",
        "groups",
        "metric",
        "paired_differences",
        "paired_tests",
        "percentiles",
        "reliability",
        "repeated_runs",
        "risk_coverage",
        "roc",
        "rows_needed",
        "scores",
        "sequential",
        "simultaneous",
        "student",
    },
    "stats.labelling": {"discordant", "plan"},
    "stats.losses": {
        "balanced_gaps",
        "bounded",
        "comparison",
        "cost_gaps",
        "costs",
        "gaps",
        "mean_gaps",
        "set_sizes",
    },
    "stats.monitoring": {
        "alarm",
        "label_free",
        "rank_tests",
    },
    "tables": {
        "block_cutting",
        "blocks",
        "columns",
        "csv_text",
        "date_columns",
        "date_notations",
        "date_texts",
        "dates",
        "file_formats",
        "notations",
        "plain_columns",
        "reader",
        "spread_columns",
        "terms",
    },
    "training.adopt": {"adoption", "arguments", "images", "refusal"},
    "training.arguments": {"command", "loading", "parser", "run"},
    "training.data": {
        "column_descriptions",
        "datasets",
        "distortion",
        "equal_rows",
        "image_folders",
        "image_preprocessing",
        "images",
        "strokes",
        "table",
    },
    "training.export": {
        "calibration",
        "distribution",
        "encoding",
        "evaluation",
        "freshness",
        "gate",
        "ordering",
        "recalibration",
        "smoothing",
        "torch_operators",
    },
    "training.families": {"gan", "kmeans", "logistic", "pca", "registry"},
    "training.images": {
        "architecture",
        "augmentation",
        "classifier",
        "convnet",
        "faces",
        "gradient_descent",
        "network",
        "normalisations",
        "publications",
        "schedule",
        "weight_files",
        "weights",
    },
    "training.learning": {
        "class_weight",
        "enlarged",
        "estimator",
        "family",
        "gradient_descent",
        "leaf_bounds",
        "network",
        "wrapped",
    },
    "training.pictures": {"draw"},
    "training.transfer": {"fine_tuning_curve", "pretrained"},
    "tuning": {
        "arguments",
        "candidates",
        "choice",
        "console",
        "halving",
        "measurement",
        "server",
    },
    "verdict": {
        "analysis",
        "by_criterion",
        "criterion",
        "criterion_sentences",
        "few_label_sentences",
        "few_labels",
        "grouping",
        "learnt_rows",
        "pairs",
        "prediction_sets",
        "predictions",
        "sentences",
        "slicing",
        "words",
    },
}
"""Other packages import these modules of each package."""

DOORS: dict[str, set[str]] = {
    "PIL": {"service.models.images.image_codec"},
    "bentoml": {"service.app"},
    "click": {"service.app"},
    "google": {"service.grpc.messages"},
    "grpc": {
        "loadtest.sending.grpc_sender",
        "loadtest.targets.grpc_model",
        "service.grpc.credentials",
        "service.grpc.gate",
        "service.grpc.health",
        "service.grpc.server",
    },
    "grpc_health": {"service.grpc.health"},
    "grpc_reflection": {"service.grpc.health"},
    "httptools": {"service.http.wire.wire_protocol"},
    "httpx": {"evaluation.remote"},
    "jinja2": {"evaluation.report.page", "loadtest.report.page"},
    "markupsafe": {"evaluation.report.page", "loadtest.report.page"},
    "msgspec": {
        "service.app",
        "service.calls.held_out_images",
        "service.contract.codec",
        "service.contract.requests",
        "service.http.request_bodies.infer_body",
        "service.http.repository",
        "service.models.cards",
        "service.open_inference.requests",
        "service.open_inference.tensors",
        "service.reference.document",
    },
    "onnxruntime": {
        "service.models.runtime.arena",
        "service.models.runtime.bfloat16_runs",
        "service.models.runtime.inference_session",
        "service.models.runtime.options",
    },
    "opentelemetry": {"service.observability.tracing"},
    "orjson": {"service.contract.codec"},
    "polars": {
        "evaluation.feature_table",
        "evaluation.labelled_data",
        "evaluation.odd_cells",
        "loadtest.raw_file",
        "loadtest.sending.recording",
        "loadtest.targets.inputs",
        "scoring.category_codes",
        "scoring.date_parts",
        "scoring.features",
        "scoring.row_reader",
        "scoring.scorer",
        "tables.block_cutting",
        "tables.blocks",
        "tables.codes",
        "tables.columns",
        "tables.dates",
        "tables.json_rows",
        "tables.number_faults",
        "tables.reader",
    },
    "prometheus_client": {
        "service.execution.allocated_file",
        "service.execution.gauges",
        "service.execution.live_metrics",
        "service.execution.metric_files",
        "service.execution.metrics",
    },
    "python_multipart": {
        "service.http.request_bodies.multipart",
    },
    "ray": {"scoring.ray_pool", "service.ray_serve"},
    "simdjson": {"service.contract.number_rows"},
    "simplejpeg": {"service.models.images.image_codec"},
    "uvicorn": {
        "service.http.wire.ending_protocol",
        "service.http.wire.uvicorn_names",
        "service.http.wire.uvicorn_protocol",
        "service.http.wire.wire_protocol",
        "service.server.uvicorn_run",
        "service.server.uvicorn_server",
    },
}
"""These modules of the service, of the evaluation and of what it builds on import each library."""


def find_modules() -> dict[str, Path]:
    """Returns every module of ours by its dotted name; a package is its `__init__`."""
    paths = [
        path
        for top in TOPS
        for path in (ROOT / f"{top}.py", *(ROOT / top).rglob("*.py"))
        if path.is_file()
    ]
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in paths
    }
    return dict(sorted(names.items()))


MODULES = find_modules()


@cache
def find_imports(module: str) -> set[str]:
    """Returns modules of ours in full and other packages by their first name, without the standard library."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in full}
    names = {name if name in MODULES else name.partition(".")[0] for name in found}
    return names - set(sys.stdlib_module_names) - {module}


def place(module: str) -> str:
    """Returns the package that a module lies in; a module at the top of `service`, `evaluation` or `training` stands
    alone.
    """
    parent = module.rpartition(".")[0]
    is_package = MODULES[module].name == "__init__.py"
    return (
        module
        if is_package
        or parent in ("", "service", "training")
        or module.endswith("__main__")
        else parent
    )


def crossings() -> Iterator[tuple[str, str]]:
    """Returns each import of a module of ours from another place, as importer and imported."""
    for module in MODULES:
        for name in find_imports(module) & set(MODULES):
            if place(name) != place(module):
                yield module, name


def test_each_package_imports_what_the_table_says() -> None:
    """Packages import what lies below them, and the table says exactly what."""
    found: dict[str, set[str]] = {}
    for module, name in crossings():
        found.setdefault(place(module), set()).add(place(name))

    assert found == PACKAGES


def test_no_two_packages_import_each_other() -> None:
    """The table of packages has no cycle."""
    assert list(TopologicalSorter(PACKAGES).static_order())


def test_each_package_shows_the_modules_that_the_table_says() -> None:
    """A module that is not in the table is imported within its own package alone."""
    found: dict[str, set[str]] = {}
    for _, name in crossings():
        if place(name) != name:
            found.setdefault(place(name), set()).add(name.rpartition(".")[2])

    assert found == SHOWN


def test_each_library_has_the_doors_that_the_table_says() -> None:
    """A library of the service is imported by the modules named here alone, mostly one, so that exchanging it touches
    no others.
    """
    found: dict[str, set[str]] = {}
    for module in MODULES:
        for library in (
            find_imports(module) - set(MODULES)
            if module.startswith(
                ("service", "evaluation", "loadtest", "scoring", "tables", "charts")
            )
            else ()
        ):
            if library in DOORS:
                found.setdefault(library, set()).add(module)

    assert found == DOORS


def test_serving_and_training_never_meet() -> None:
    """Serving and training share the card and the statistics, and nothing else of ours."""
    for module, name in crossings():
        tops = {module.partition(".")[0], name.partition(".")[0]}
        assert not {"service", "training"} <= tops, (module, name)


def test_no_package_has_more_modules_than_a_person_can_keep_in_mind() -> None:
    """A folder of more than twenty modules is no layout."""
    folders = [path.parent for path in MODULES.values() if path.name != "__init__.py"]

    assert (
        max(folders.count(folder) for folder in folders if folder != ROOT)
        <= MAX_MODULES
    )


def test_each_package_says_what_it_is() -> None:
    """An `__init__` is a docstring without code, except where the environment must be set before any import."""
    for module, path in MODULES.items():
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body

            assert isinstance(body[0], ast.Expr), module
            assert len(body) == 1 or module in ("service", "training"), module
