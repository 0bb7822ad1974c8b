"""A table with dates is learnt from, and the date itself is sent to what was learnt, at every door."""

from __future__ import annotations

import calendar
import datetime as dt
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import expect

from evaluation.__main__ import main as evaluate
from scoring.__main__ import main as score
from tests.support.browser import PHONE, WIDE, open_page, start_browser
from tests.support.server import Server, serve
from tests.support.waiting import wait_until
from training.__main__ import main as train

TASK = "seasons"
FAMILIES = ("decision_tree", "logistic")
NAMES = [f"{TASK}-{family}" for family in FAMILIES]
FIRST = dt.date(2021, 1, 1)
N_DAYS = 730
SUMMER = range(5, 10)


def make_days(n_rows: int, seed: int, *, day: str = "%Y-%m-%d") -> pl.DataFrame:
    """Returns days, which are warm from May to September; births are missing in some, and have their month's name."""
    chance = random.Random(seed)
    rows = []
    for number in range(n_rows):
        date = FIRST + dt.timedelta(days=chance.randrange(N_DAYS))
        born = dt.date(1960, 1, 1) + dt.timedelta(days=chance.randrange(15_000))
        rows.append(
            {
                "day": date.strftime(day),
                "temp": round(chance.gauss(15, 6), 1),
                "born": None if number % 9 == 4 else born.strftime("%B %d, %Y"),
                "trip_year": chance.randint(1, 9),
                "trip_days": chance.randint(1, 90),
                "warm": "yes" if date.month in SUMMER else "no",
            }
        )

    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has two models learnt from 400 days, as a person types it."""
    made = tmp_path_factory.mktemp("dates")
    make_days(400, 1).write_csv(made / "days.csv")
    words = ["--data", str(made / "days.csv"), "--target", "warm", "--task", TASK]
    for family in FAMILIES:
        assert train([family, *words, "--output", str(made / "models")]) == 0

    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serve(folder, VEREDICTO_MODELS=folder / "models") as started:
        yield started


def make_row(day: Any, born: Any) -> dict[str, Any]:
    return {"day": day, "temp": 12.5, "born": born, "trip_year": 3, "trip_days": 40}


def spread(row: dict[str, Any]) -> dict[str, Any]:
    """Returns the row with parts of its dates, as the C library has them."""
    parts: dict[str, Any] = {}
    for name in ("day", "born"):
        numbers: list[int | None] = [None] * 4
        if row[name] is not None:
            given = time.strptime(row[name], "%Y-%m-%d")
            days = calendar.timegm(given) // 86_400
            numbers = [given.tm_year, given.tm_mon, given.tm_wday + 1, days]
        suffixes = ("year", "month", "weekday", "days")
        names = [f"{name}_{suffix}" for suffix in suffixes]
        parts |= dict(zip(names, numbers, strict=True))

    others = {name: each for name, each in row.items() if name not in ("day", "born")}
    return others | parts


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("born", ["1986-08-01", None])
def test_a_date_is_answered_as_its_parts(
    server: Server, name: str, born: str | None
) -> None:
    """The server answers dates, as an object and in a list, as it answers their parts."""
    row = make_row("2022-07-05", born)
    inputs = [row, list(row.values()), spread(row)]
    answer = server.post("/predict_proba", {"model": name, "inputs": inputs}).json()
    one, other, third = answer["probabilities"]
    assert one == other == third


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"model": NAMES[0], "coverage": 0.9}),
        ("/predict", {"task": TASK}),
        ("/compare", {"task": TASK, "labels": ["yes"]}),
        ("/explain", {"model": NAMES[0], "flips": True}),
        ("/explain", {"model": NAMES[1], "method": "shapley"}),
    ],
)
def test_every_call_takes_dates(
    server: Server, path: str, body: dict[str, Any]
) -> None:
    """Calls of rows answer a date as they answer its parts."""
    row = make_row("2022-07-05", "1986-08-01")
    one, other = (
        server.post(path, body | {"inputs": [each]}).json()
        for each in (row, spread(row))
    )
    for answer in (one, other):
        for model in answer.get("models", ()):
            del model["latency_ms"]
        answer.pop("id", None)
    assert one == other


def test_other_bodies_take_dates(server: Server) -> None:
    """A CSV, and the rows of other platforms, may have dates."""
    row = make_row("2022-07-05", "1 August 1986")
    expected = server.post("/predict", {"model": NAMES[0], "inputs": [row]}).json()
    text = ",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n"
    read = server.client.post(
        f"/predict?model={NAMES[0]}",
        content=text,
        headers={"content-type": "text/csv"},
    )
    invoked = server.post(
        "/invocations", {"instances": [row], "parameters": {"model": NAMES[0]}}
    )
    assert read.json()["predictions"] == expected["predictions"]
    assert invoked.json()["predictions"] == expected["predictions"]


def test_a_date_that_may_be_two_is_refused(server: Server) -> None:
    """A client error names the row and both dates, unless another row proves the order."""
    rows = [make_row(each, None) for each in ("2022-12-31", "05/07/2022")]
    answer = server.client.post("/predict", json={"model": NAMES[0], "inputs": rows})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "inputs[1]: feature 'day' expects a date, as '2024-12-31', got '05/07/2022', which may be "
        "2022-05-07 or 2022-07-05: write the one that is meant so"
    }
    proven = [make_row(each, None) for each in ("31/12/2022", "05/07/2022")]
    plain = [make_row(each, None) for each in ("2022-12-31", "2022-07-05")]
    one, other = (
        server.post("/predict_proba", {"model": NAMES[0], "inputs": each}).json()
        for each in (proven, plain)
    )
    assert one["probabilities"] == other["probabilities"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_was_learnt_from_is_answered_as_it_is(
    folder: Path, server: Server, name: str
) -> None:
    """A table with its target, an id and days in a country's order is posted as training and judging take it.

    Its answers are those of the same rows in JSON, and the classes that judging finds in it.
    """
    whole = make_days(400, 1)
    rows = [
        {key: each for key, each in row.items() if key != "warm"}
        for row in whole.to_dicts()
    ]
    expected = server.post("/predict_proba", {"model": name, "inputs": rows}).json()

    days = make_days(400, 1, day="%d/%m/%Y").with_row_index("id")
    for content in (
        (folder / "days.csv").read_bytes(),
        days.write_csv().encode(),
        days.write_csv(separator="\t", null_value="NA").encode("utf-16"),
    ):
        answer = server.post_raw(f"/predict_proba?model={name}", content, "text/csv")
        assert answer.json()["probabilities"] == expected["probabilities"]
        assert server.post_raw(f"/compare?task={TASK}", content, "text/csv").is_success
        judged = server.client.post(
            f"/judge?task={TASK}&label=warm&keep_learnt=1",
            content=content,
            headers={"content-type": "text/csv"},
        ).json()
        found = {each["model"]: each["probabilities"] for each in judged["answers"]}
        assert found[name] == expected["probabilities"]


@pytest.mark.parametrize(
    ("day", "note"),
    [
        ("%Y-%m-%dT08:30:00Z", []),
        ("%m/%d/%Y", []),
        (
            "%d/%m/%y",
            ["years of two digits as 1969 to 2068, since more of these dates are in"],
        ),
    ],
)
def test_a_file_of_dates_is_judged_and_scored_alike(
    folder: Path, server: Server, tmp_path: Path, day: str, note: list[str]
) -> None:
    """Report, judging by the server and scores read the dates of a file alike, and say what they assume."""
    new = tmp_path / "new.csv"
    make_days(100, 2, day=day).write_csv(new)
    models = ["--models", str(folder / "models"), "--task", TASK]
    rows = ["--data", str(new), "--keep-learnt"]
    evidence = tmp_path / "evidence.json"
    written = ["--output", str(tmp_path / "o.html"), "--evidence", str(evidence)]
    assert evaluate([*models, *rows, *written]) == 0
    scores = ["--label", "warm", "--out", str(tmp_path / "scores")]
    assert score([*models, *rows, *scores]) == 0

    report = json.loads(evidence.read_text())
    judged = server.client.post(
        "/judge",
        data={"task": TASK, "keep_learnt": "1"},
        files={"data": ("new.csv", new.read_bytes(), "text/csv")},
    ).json()
    scored = pl.read_parquet(tmp_path / "scores" / "predictions")
    assert report["truth"] == judged["truth"]
    for one, other in zip(report["answers"], judged["answers"], strict=True):
        assert one["label"] == other["label"]
        answered = scored[one["model"]].to_list()
        assert [report["classes"].index(each) for each in answered] == one["label"]

    assert len(judged["notes"]) == len(note)
    assert all(part in said for part, said in zip(note, judged["notes"], strict=True))


def test_a_cell_that_is_no_date_or_number_sets_its_row_aside(
    folder: Path,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Report, judging by the server and scores leave out the same rows, count them, and answer all others."""
    rows = make_days(100, 2)
    odd = {3: ("day", "soon"), 7: ("born", "2024-02-30"), 9: ("temp", "cold")}
    cells = rows.cast(pl.String).to_dicts()
    for row, (name, text) in odd.items():
        cells[row][name] = text
    new = tmp_path / "new.csv"
    pl.DataFrame(cells).write_csv(new)
    models = ["--models", str(folder / "models"), "--task", TASK]
    data = ["--data", str(new), "--keep-learnt"]
    evidence = tmp_path / "evidence.json"
    written = ["--output", str(tmp_path / "o.html"), "--evidence", str(evidence)]
    assert evaluate([*models, *data, *written]) == 0
    assert score([*models, *data, "--out", str(tmp_path / "scores")]) == 0

    report = json.loads(evidence.read_text())
    judged = server.client.post(
        "/judge",
        data={"task": TASK, "keep_learnt": "1"},
        files={"data": ("new.csv", new.read_bytes(), "text/csv")},
    ).json()
    kept = [each for number, each in enumerate(rows["warm"]) if number not in odd]
    expected = [["no", "yes"].index(each) for each in kept]
    assert report["truth"] == judged["truth"] == expected
    note = "rows that the models cannot be asked are set aside: 3; the first is new.csv, line 5: feature 'day' expects"
    assert judged["notes"][0].startswith(note)
    assert judged["notes"][0] in capsys.readouterr().err
    scored = pl.read_parquet(tmp_path / "scores" / "predictions")
    assert len(scored) == len(kept)
    answers = {each["model"]: each["label"] for each in report["answers"]}
    for name in NAMES:
        labels = [report["classes"].index(each) for each in scored[name]]
        assert labels == answers[name]


def test_rows_to_label_have_their_dates(folder: Path, tmp_path: Path) -> None:
    """A person who labels rows sees dates, and the labelled rows can be judged as they are."""
    new, chosen = tmp_path / "new.csv", tmp_path / "chosen.csv"
    make_days(60, 3).drop("warm").write_csv(new)
    models = ["--models", str(folder / "models"), "--task", TASK]
    rows = ["--unlabelled", str(new), "--to-label", str(chosen), "--labels", "9"]
    assert evaluate([*models, *rows, "--keep-learnt"]) == 0

    known = pl.read_csv(new).with_row_index("line", offset=2)
    written = pl.read_csv(chosen)
    lines = written["row"].str.strip_prefix("line ").cast(pl.UInt32)
    found = pl.DataFrame({"line": lines}).join(known, on="line", maintain_order="left")
    assert written["day"].to_list() == found["day"].to_list()
    assert written["born"].null_count() == found["born"].null_count()


def test_rows_of_the_journal_have_the_date_itself(folder: Path, tmp_path: Path) -> None:
    """Rows to label, and those that models disagree on, have the date for its parts, and may be sent again."""
    settings = {
        "VEREDICTO_MODELS": folder / "models",
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
        "VEREDICTO_SHADOW": f"{TASK}:{NAMES[0]}",
        "VEREDICTO_JOURNAL_DISAGREEMENTS": 100,
    }
    rows = make_days(300, 5).drop("warm").to_dicts()
    sent = {(each["day"], each["trip_days"]) for each in rows}
    with serve(tmp_path, **settings) as server:
        server.post("/predict", {"model": NAMES[0], "inputs": rows})
        url = f"/tasks/{TASK}"
        wait_until(lambda: server.client.get(f"{url}/to-label").json()["to_label"])
        found = server.client.get(f"{url}/to-label").json()["to_label"]
        compared = server.client.get(f"{url}/comparison").json()
        inputs = [each["inputs"] for each in found]
        again = server.post("/predict", {"model": NAMES[0], "inputs": inputs}).json()

    assert {(each[0], each[4]) for each in inputs} <= sent
    assert {len(each) for each in inputs} == {5}
    assert again["predictions"] == [each["predictions"][NAMES[0]] for each in found]
    assert {row["inputs"][0] for row in compared["disagreements"]} <= {
        day for day, _ in sent
    }


def test_the_page_has_a_box_for_the_date(server: Server) -> None:
    """A date is one box among the columns' fields, may be missing where it was, and is answered, also on a phone."""
    with start_browser() as browser:
        for size in (WIDE, PHONE):
            with open_page(browser, server.url, size=size) as page:
                expect(page.locator(".fields .field")).to_have_count(5)
                headline = page.locator(".headline")
                box = page.locator(".field.date input[type=date]").first
                box.fill("2022-07-05")
                expect(headline).to_contain_text("yes")
                box.fill("2022-12-24")
                expect(headline).to_contain_text("no")
                page.locator(".field.date input[type=date]").last.fill("")
                expect(headline).to_contain_text("no")
                box.fill("")
                expect(page.get_by_text("day needs a date.")).to_be_visible()
                assert page.evaluate("document.body.scrollWidth") <= size[0]
