"""Cards survive their own text, and a wrong card cannot exist."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import model_card
from model_card import (
    METADATA_KEY,
    SCHEMA_VERSION,
    Calibration,
    CardError,
    CrossValidation,
    Distribution,
    Feature,
    FeatureInput,
    ImageInput,
    Metric,
    NoiseInput,
    Parity,
    SelfCheck,
    Spread,
    from_document,
    from_metadata,
)
from tests.support.tiny_models import tiny_card

FIXTURES = Path(__file__).parent / "fixtures"


def test_a_card_reads_back_as_it_was_written() -> None:
    """A card reads back from its metadata as it was written."""
    card = tiny_card()

    assert from_metadata(card.to_metadata()) == card


def test_an_image_card_reads_back_as_it_was_written() -> None:
    """A card of images reads back with its own type of input."""
    card = tiny_card(input=ImageInput(height=32, width=48))

    assert from_metadata(card.to_metadata()) == card


def full_card() -> model_card.Card:
    """The card is a regressor's with everything that a card may say."""
    features = (
        Feature(
            name="size",
            type="number",
            imputed=2.5,
            distribution=Distribution(edges=(1.5, 3.0), counts=(3, 0, 4), missing=1),
        ),
        Feature(
            name="hue",
            type="category",
            values=("a", "b"),
            distribution=Distribution(counts=(8, 0)),
        ),
    )
    return tiny_card(
        kind="regressor",
        classes=None,
        target="price",
        input=FeatureInput(features=features, example=(None, "a")),
        self_check=SelfCheck(input=((None, 1.0),), output={"value": (3.5,)}),
        train_metrics={"r2": Metric(value=0.9)},
        cross_validation=CrossValidation(
            folds=5, metrics={"r2": Spread(mean=0.8, standard_deviation=0.1)}
        ),
        calibration=Calibration(
            temperature=2.0,
            floor=1e-3,
            rows=50,
            before={"ece": 0.2},
            after={"ece": 0.1},
        ),
    )


def test_a_full_card_reads_back_as_it_was_written() -> None:
    """Missing values, target, folds and calibration read back as they were written."""
    assert from_metadata(full_card().to_metadata()) == full_card()


def test_a_generators_card_reads_back_as_it_was_written() -> None:
    """A generator's card reads back with its input of noise."""
    output = {"images": ((((0, 0, 0),),),)}
    card = tiny_card(
        kind="generator",
        classes=None,
        input=NoiseInput(size=3),
        self_check=SelfCheck(input=((0.0,) * 3,), output=output),
    )

    assert from_metadata(card.to_metadata()) == card
    assert card.to_document()["input"] == {"type": "noise", "size": 3}


def _full(**changes: object) -> dict[str, object]:
    return json.loads(full_card().to_metadata()[METADATA_KEY]) | changes


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (_full(target=""), "target: expected a text, got ''"),
        (
            _full(train_metrics={"r2": 1}),
            "train_metrics: r2: expected an object, got 1",
        ),
        (_full(cross_validation=5), "cross_validation: expected an object, got 5"),
        (
            _full(cross_validation={"folds": 1, "metrics": {}}),
            "cross_validation folds: expected a whole number of at",
        ),
        (
            _full(cross_validation={"folds": 2, "metrics": {"a": {}}}),
            "cross_validation: metrics: a: ",
        ),
        (_full(calibration={"temperature": 0}), "calibration: "),
        (
            _full(
                calibration={
                    "temperature": -1.0,
                    "floor": 0.1,
                    "rows": 1,
                    "before": {},
                    "after": {},
                }
            ),
            "calibration temperature: expected a number above 0, got -1.0",
        ),
        (
            _full(
                calibration={
                    "temperature": 1.0,
                    "floor": 0.1,
                    "rows": 1,
                    "before": {"ece": "x"},
                    "after": {},
                }
            ),
            "calibration before: expected a finite number, got 'x'",
        ),
        (
            _full(input={"type": "noise", "size": 2}),
            "input: a regressor has no input 'noise'",
        ),
        (
            _full(provenance=_full()["provenance"] | {"code": "abc"}),
            "provenance code: expected 'sha256:' and 64 hex",
        ),  # type: ignore[operator]  # it is an object
        (
            _full(self_check={"input": [[None]], "output": {"value": [1]}}),
            "self_check: input: expected rows of 2",
        ),
        (
            _full(self_check={"input": [[1, 2]], "output": {"value": [None]}}),
            "self_check: output 'value': expected a",
        ),
        (
            _full(self_check={"input": [[1, 2]], "output": {}}),
            "self_check: a regressor has the outputs ['value'], got []",
        ),
    ],
)
def test_a_wrong_full_card_is_refused_with_its_place(
    document: object, message: str
) -> None:
    """Fields that schema 2 added are refused with their place where they are wrong."""
    with pytest.raises(CardError) as refused:
        from_document(document)

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"type": "number", "imputed": "x"},
            "feature 'a': imputed: expected a finite number, got 'x'",
        ),
        (
            {"type": "category", "values": ("b",), "imputed": "c"},
            "feature 'a': imputed: expected one of its values, got 'c'",
        ),
    ],
)
def test_what_is_imputed_is_a_value_of_the_feature(
    fields: dict[str, object], message: str
) -> None:
    """An imputed value must be a number of a number feature and a known name of a category."""
    with pytest.raises(CardError) as refused:
        Feature(name="a", **fields)  # type: ignore[arg-type]  # wrong on purpose

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"counts": ()}, "distribution counts: expected at least one row"),
        (
            {"counts": (0, 0), "edges": (1.0,)},
            "distribution counts: expected at least one row",
        ),
        (
            {"counts": (1, -1)},
            "distribution counts: expected a whole number of at least 0, got -1",
        ),
        (
            {"counts": (1, 0.5)},
            "distribution counts: expected a whole number of at least 0, got 0.5",
        ),
        ({"counts": 3}, "distribution counts: expected a list, got 3"),
        (
            {"counts": (1,), "missing": True},
            "distribution counts: expected a whole number of at least 0, got True",
        ),
        (
            {"counts": (1, 1), "edges": ("a",)},
            "distribution edges: expected a finite number, got 'a'",
        ),
        (
            {"counts": (1, 1, 1), "edges": (2.0, 2.0)},
            "distribution edges: expected them to ascend, got (2.0, 2.0)",
        ),
    ],
)
def test_a_wrong_distribution_cannot_be_constructed(
    fields: dict[str, object], message: str
) -> None:
    """A distribution whose rows are not whole or whose edges do not ascend raises CardError."""
    with pytest.raises(CardError) as refused:
        Distribution(**fields)  # type: ignore[arg-type]  # wrong on purpose

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("fields", "distribution", "message"),
    [
        (
            {"type": "number"},
            {"counts": (1, 1)},
            "feature 'a': distribution: expected 1 counts, got 2",
        ),
        (
            {"type": "number"},
            {"counts": (1,), "missing": 2},
            "feature 'a': distribution: 2 rows without a value, and nothing is imputed",
        ),
        (
            {"type": "category", "values": ("b", "c")},
            {"counts": (1,)},
            "feature 'a': distribution: expected 2 counts, got 1",
        ),
        (
            {"type": "category", "values": ("b", "c")},
            {"counts": (1, 1), "edges": (0.5,)},
            "feature 'a': the distribution of a category has no edges",
        ),
    ],
)
def test_a_distribution_fits_its_feature(
    fields: dict[str, object], distribution: dict[str, object], message: str
) -> None:
    """A number's distribution has bins, a category's has values, and both have gaps only where they are imputed."""
    with pytest.raises(CardError) as refused:
        Feature(name="a", distribution=Distribution(**distribution), **fields)  # type: ignore[arg-type]

    assert str(refused.value) == message


def test_a_wrong_distribution_in_a_document_is_refused_with_its_place() -> None:
    """A wrong distribution in a document is refused with its place."""
    document = json.loads(full_card().to_metadata()[METADATA_KEY])
    document["input"]["features"][0]["distribution"] = {"counts": [1], "colour": 1}
    with pytest.raises(CardError) as refused:
        from_document(document)

    assert str(refused.value).startswith(
        "input: feature: distribution: unknown fields ['colour']; known fields: "
    )


def test_an_example_has_gaps_only_where_they_are_imputed() -> None:
    """An example, like a request, has gaps only where they are imputed."""
    with pytest.raises(
        CardError, match="example: feature 'a': expected a finite number, got None"
    ):
        FeatureInput(features=(Feature(name="a", type="number"),), example=(None,))


def test_a_card_is_one_document_under_one_namespaced_key() -> None:
    """A card's metadata is one document under one namespaced key."""
    metadata = tiny_card().to_metadata()

    assert list(metadata) == [METADATA_KEY] == ["veredicto.card"]
    assert json.loads(metadata[METADATA_KEY])["schema_version"] == SCHEMA_VERSION


def test_equal_cards_are_equal_bytes() -> None:
    """Equal cards have equal bytes, whatever order they were put together in."""
    one = tiny_card(metrics={"a": Metric(value=1.0), "b": Metric(value=2.0)})
    other = tiny_card(metrics={"b": Metric(value=2.0), "a": Metric(value=1.0)})

    assert one.to_metadata() == other.to_metadata()


def test_a_file_without_a_card_has_none() -> None:
    """Metadata of other makers gives no card and raises no error."""
    assert from_metadata({"author": "somebody"}) is None


def test_a_stored_card_of_schema_1_stays_readable() -> None:
    """A card that the first version wrote is read; its fixture is never regenerated."""
    text = (FIXTURES / "card_schema_1.json").read_text(encoding="utf-8")
    card = from_metadata({METADATA_KEY: text})
    assert card is not None
    assert card.name == "wine-logistic"
    assert card.classes == ("class_0", "class_1", "class_2")
    assert isinstance(card.input, FeatureInput)
    assert card.input.features[0].name == "alcohol"
    assert card.metrics["accuracy"].interval == (0.9036, 1.0)


def test_a_stored_card_of_schema_2_stays_readable() -> None:
    """A card of schema 2 is read and has no distribution of the training rows."""
    card = from_metadata(
        {METADATA_KEY: (FIXTURES / "card_schema_2.json").read_text(encoding="utf-8")}
    )
    assert card is not None
    assert card.name == "tacos-linear"
    assert card.cross_validation is not None
    assert isinstance(card.input, FeatureInput)
    assert card.input.features[0].distribution is None


def test_a_newer_schema_is_refused_with_what_to_do() -> None:
    """A card of a newer schema is refused with what to do, and is not guessed at."""
    document = tiny_card().to_document() | {"schema_version": SCHEMA_VERSION + 1}
    expected = (
        f"schema_version {SCHEMA_VERSION + 1} is newer than {SCHEMA_VERSION}, the newest that this version of "
        "Veredicto reads: upgrade Veredicto, or export the model again with this version"
    )
    with pytest.raises(CardError) as refused:
        from_document(document)

    assert str(refused.value) == expected


def _broken(**changes: object) -> dict[str, object]:
    return json.loads(tiny_card().to_metadata()[METADATA_KEY]) | changes


def _answering(
    label: list[int], probabilities: list[list[float]], rows: object = ((0.0, 1.0),)
) -> dict[str, object]:
    return {"input": rows, "output": {"label": label, "probabilities": probabilities}}


def _provenance(**changes: object) -> dict[str, object]:
    return tiny_card().to_document()["provenance"] | changes


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "card: expected an object, got list"),
        (
            _broken(schema_version="1"),
            "schema_version: expected a whole number of at least 1, got '1'",
        ),
        (
            _broken(schema_version=True),
            "schema_version: expected a whole number of at least 1, got True",
        ),
        (_broken(colour="red"), "card: unknown fields ['colour']; known fields: "),
        (
            _broken(name="other-first"),
            "name: expected 'colour-first' from task and family, got 'other-first'",
        ),
        (
            _broken(task="Colour"),
            "task: expected lower-case words joined by '_', got 'Colour'",
        ),
        (
            _broken(family="a-b"),
            "family: expected lower-case words joined by '_', got 'a-b'",
        ),
        (
            _broken(kind="oracle"),
            "kind: expected one of classifier, regressor, clusterer, transformer, generator",
        ),
        (_broken(summary=" "), "summary: expected a text, got ' '"),
        (_broken(classes=["yes"]), "classes: expected at least 2, got ('yes',)"),
        (
            _broken(classes=["yes", "yes"]),
            "classes: each must be there once, got ('yes', 'yes')",
        ),
        (_broken(classes=["yes", 1]), "classes: expected a text, got 1"),
        (_broken(input=None), "input: expected an object, got None"),
        (
            _broken(input={"type": "sound"}),
            "input: type must be 'features', 'image' or 'noise', got 'sound'",
        ),
        (
            _broken(input={"type": "image", "height": 0, "width": 1}),
            "image height: expected a whole number of at",
        ),
        (_broken(metrics=3), "metrics: expected an object, got 3"),
        (
            _broken(metrics={"accuracy": {"value": "high"}}),
            "metric value: expected a finite number, got 'high'",
        ),
        (_broken(metrics={"accuracy": {}}), "metrics: accuracy: "),
        (
            _broken(parity={"rows": 0, "unequal_labels": 0, "max_abs_difference": 0}),
            "parity rows: expected a whole",
        ),
        (
            _broken(self_check={"input": [], "output": {}}),
            "self_check: input has no rows",
        ),
        (
            _broken(self_check={"input": [[0, 1]], "output": None}),
            "self_check: output: expected an object, got None",
        ),
        (
            _broken(self_check=_answering([0], [[0.9, 0.1]], rows=[[0]])),
            "self_check: input: expected rows of 2 numbers",
        ),
        (
            _broken(self_check=_answering([0], [[0.9]])),
            "self_check: probabilities: expected rows of 2 numbers",
        ),
        (
            _broken(self_check=_answering([0], [[3.0, -2.0]])),
            "self_check: expected probabilities that sum to 1",
        ),
        (
            _broken(self_check=_answering([0], [[0.5, 0.4]])),
            "self_check: expected probabilities that sum to 1",
        ),
        (
            _broken(self_check=_answering([1], [[0.9, 0.1]])),
            "self_check: expected the label of the most probable class",
        ),
        (
            _broken(self_check=_answering([7], [[0.9, 0.1]])),
            "self_check: expected the label of the most probable class",
        ),
        (
            _broken(self_check=_answering([-1], [[0.1, 0.9]])),
            "self_check: expected the label of the most probable",
        ),
        (
            _broken(metrics={"accuracy": {"value": 10**400}}),
            "metric value: expected a finite number, got 1000",
        ),
        (
            _broken(provenance=_provenance(split=3)),
            "provenance split: expected an object, got 3",
        ),
        (
            _broken(provenance=_provenance(packages=["a"])),
            "provenance packages: expected an object, got ('a',)",
        ),
        (
            _broken(self_check={"input": [[0, 1]], "output": {"label": [0]}}),
            "self_check: a classifier has the outputs ['label', 'probabilities'], got ['label']",
        ),
    ],
)
def test_a_wrong_card_is_refused_with_its_place(document: object, message: str) -> None:
    """Every message about a wrong card starts with where it is wrong."""
    with pytest.raises(CardError) as refused:
        from_document(document)

    assert str(refused.value).startswith(message)


def test_a_bottomless_card_is_refused() -> None:
    """A card that is nested too deep is refused, however it is nested."""
    with pytest.raises(CardError, match="card: "):
        from_metadata(
            {METADATA_KEY: '{"summary": ' + "[" * 100_000 + "]" * 100_000 + "}"}
        )


def test_text_that_is_not_json_is_refused() -> None:
    """A card that is cut off is refused as broken, not taken for missing."""
    with pytest.raises(CardError, match="card: not JSON"):
        from_metadata({METADATA_KEY: '{"name": '})


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (
            {"type": "number", "values": ("a",)},
            "feature 'size': a number has no values",
        ),
        (
            {"type": "number", "range": (1.0, 0.0)},
            "feature 'size': range: low 1.0 is above high 0.0",
        ),
        (
            {"type": "number", "range": (0.0,)},
            "feature 'size': range: expected [low, high], got (0.0,)",
        ),
        (
            {"type": "number", "range": (0.0, float("nan"))},
            "feature 'size': range: expected a finite number, got nan",
        ),
        ({"type": "category"}, "feature 'size': values: expected names, got None"),
        (
            {"type": "category", "values": ("a",), "range": (0.0, 1.0)},
            "feature 'size': a category has no range",
        ),
        (
            {"type": "date"},
            "feature 'size': type must be 'number' or 'category', got 'date'",
        ),
    ],
)
def test_a_wrong_feature_cannot_be_constructed(
    feature: dict[str, object], message: str
) -> None:
    """A wrong feature raises CardError in its constructor."""
    with pytest.raises(CardError) as refused:
        Feature(name="size", **feature)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ((0.5,), "example: expected 2 values, one for each feature, got (0.5,)"),
        (
            ("large", "red"),
            "example: feature 'size': expected a finite number, got 'large'",
        ),
        ((0.5, "pink"), "example: feature 'colour' has no value 'pink'"),
    ],
)
def test_the_example_must_be_a_row_of_the_features(
    example: tuple[object, ...], message: str
) -> None:
    """An example that the service would refuse cannot be in a card."""
    features = tiny_card().input.features
    with pytest.raises(CardError) as refused:
        FeatureInput(features=features, example=example)

    assert str(refused.value) == message


def test_classes_belong_to_classifiers_alone() -> None:
    """A regressor with classes is refused."""
    check = SelfCheck(input=((1.0,),), output={})
    with pytest.raises(CardError, match="classes: a regressor has none"):
        replace(tiny_card(), kind="regressor", self_check=check)


def test_parity_counts_are_whole_numbers() -> None:
    """A boolean is refused where parity has a count."""
    with pytest.raises(
        CardError, match="parity rows: expected a whole number of at least 1, got True"
    ):
        Parity(rows=True, unequal_labels=0, max_abs_difference=0.0)


def test_the_contract_needs_nothing_but_the_standard_library() -> None:
    """The card imports the standard library alone, so that neither side's libraries come with it."""
    names = {
        name.partition(".")[0] for name in vars(model_card) if not name.startswith("_")
    }

    assert not names & {"numpy", "onnx", "onnxruntime", "torch", "pydantic"}
