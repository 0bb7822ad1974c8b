"""The pages on whom to trust and on what is live do in a real browser what a person wants, in both languages."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from evaluation.__main__ import main
from tests.support.browser import PHONE, WIDE, open_page, start_browser
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, tiny_graph, write_tiny
from tests.support.waiting import wait_until
from training.data import datasets

MODELS = Path(__file__).resolve().parents[2] / "exported_models"
VERDICT = ".sentence"
StartServer = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Returns the one browser of all tests of these pages."""
    with start_browser() as started:
        yield started


def check_page(page: Page, size: tuple[int, int]) -> None:
    """Fails where the page is too wide or axe finds anything on it, with all of it opened."""
    page.evaluate(
        "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    expect(page.locator(".waiting")).to_have_count(0)
    found = Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


def test_who_is_better_is_one_action_from_the_first_page_and_a_pair_two(
    server: Server, browser: Browser
) -> None:
    """A link shows the sentence with all models, and a line puts its model beside the leader."""
    with open_page(browser, server.url) as page:
        page.wait_for_selector(".trust p")
        page.click("nav >> text=Trust")
        page.wait_for_selector(VERDICT)
        sentence = page.inner_text(VERDICT)
        assert re.match(
            r".+ by accuracy on 360 held-out rows: \d\d\.\d.*, as the best of 9\)\.",
            sentence,
        )
        assert "With 95 % confidence the best is one of" in sentence
        assert page.locator(".model").count() == 9

        page.click(".model >> text=Naive Bayes")
        expect(page.locator(".pair .said")).to_contain_text("is shown to be better")
        assert re.search(r"only Naive Bayes: \d", page.inner_text(".pair .legend"))
        page.wait_for_url(re.compile("b=digits-naive_bayes"))
        page.reload()
        expect(page.locator(".pair .said")).to_contain_text("Naive Bayes")


def test_who_is_level_in_front_is_so_on_the_page_as_in_the_report(
    server: Server, browser: Browser
) -> None:
    """Models that are right equally often are named together, with the interval of whoever was chosen here."""
    said = httpx.get(f"{server.url}/tasks/wine/verdict").json()
    assert " are level in front: right on " in said["headline"]
    low, high = said["numbers"]["leader_accuracy"]["interval"]
    figure = f"({100 * low:.1f}–{100 * high:.1f}, as the best of 8)"
    url = f"{server.url}/trust?task=wine"
    with open_page(browser, url, bench=VERDICT) as page:
        sentence = page.inner_text(VERDICT)
        assert " are level in front by accuracy on 36 held-out rows: " in sentence
        assert figure in sentence
        page.goto(f"{server.url}/?task=wine")
        expect(page.locator(".trust p").first).to_contain_text("are level in front")
        expect(page.locator(".trust p").first).to_contain_text(figure)


@pytest.mark.parametrize(
    ("task", "language", "theme", "size"),
    [
        ("digits", "en", "light", WIDE),
        ("digits", "es", "dark", PHONE),
        ("digits", "es", "dark", WIDE),
        ("breast_cancer", "es", "light", WIDE),
        ("breast_cancer", "en", "dark", PHONE),
        ("cat_or_automobile", "en", "light", PHONE),
    ],
)
def test_the_page_holds_in_each_language_theme_and_width(
    server: Server,
    browser: Browser,
    *,
    task: str,
    language: str,
    theme: str,
    size: tuple[int, int],
) -> None:
    """The page fits its width, axe finds nothing, the console says nothing, and the sentence is in the language."""
    url = f"{server.url}/trust?task={task}"
    look = {"language": language, "theme": theme, "size": size}
    with open_page(browser, url, bench=VERDICT, **look) as page:  # type: ignore[arg-type]  # each has its type
        page.wait_for_selector(".disagreements")
        words = {"en": " by accuracy on ", "es": " en exactitud con "}
        assert words[language] in page.inner_text(VERDICT)
        assert page.get_attribute("html", "lang") == language
        if size == WIDE:
            bottom = page.locator(".intervals-part").bounding_box()
            assert bottom is not None
            assert bottom["y"] + bottom["height"] <= WIDE[1]
        check_page(page, size)


def test_another_metric_has_a_verdict_of_its_own(
    server: Server, browser: Browser
) -> None:
    """The figures are of that metric, the address keeps it, and the language can be changed beside it."""
    with open_page(browser, f"{server.url}/trust?task=wine", bench=VERDICT) as page:
        page.click("text=log loss")
        expect(page.locator(VERDICT)).to_contain_text("by log loss")
        page.wait_for_url(re.compile("by=log_loss"))
        page.click("text=ES")
        expect(page.locator(VERDICT)).to_contain_text("en pérdida logarítmica")
        page.click("nav >> text=Probar")
        page.wait_for_selector("text=Una entrada")


def test_probabilities_thresholds_and_costs_answer_as_they_are_moved(
    server: Server, browser: Browser
) -> None:
    """A threshold says what is answered, prices rank the models anew, and a model that votes is told of."""
    with open_page(
        browser, f"{server.url}/trust?task=breast_cancer", bench=VERDICT
    ) as page:
        said = page.locator(".threshold .said")
        page.fill(".threshold input", "0.99")
        expect(said).to_contain_text("and is wrong on 0.0")
        page.fill(".threshold input", "1")
        expect(said).to_have_text("It answers nothing.")
        page.fill(".threshold input", "0")
        expect(said).to_contain_text("It answers 100.0")

        before = page.inner_text(".ranking")
        page.fill('input[aria-label*="where malignant is true"]', "50")
        expect(page.locator(".ranking")).not_to_have_text(before)
        page.select_option(".probabilities select", label="Perceptron")
        page.wait_for_selector("text=Perceptron votes")


def test_a_model_that_votes_has_no_place_by_probabilities(
    server: Server, browser: Browser
) -> None:
    """The perceptron is not among the models by Brier score, the words say why, and its card shows no such figure."""
    with open_page(
        browser, f"{server.url}/trust?task=wine&by=brier", bench=VERDICT
    ) as page:
        lines = page.locator(".intervals-part .lines")
        expect(lines).not_to_contain_text("Perceptron")
        expect(lines).to_contain_text("Logistic")
        page.click("details.words summary")
        expect(page.locator("details.words")).to_contain_text("perceptron votes here: ")
        page.click("text=balanced accuracy")
        expect(lines).to_contain_text("Perceptron")

    card = f"{server.url}/models/wine-perceptron"
    with open_page(browser, card, bench="#card table") as page:
        expect(page.locator("#card table")).to_contain_text("balanced accuracy")
        expect(page.locator("#card table")).not_to_contain_text("brier")
        expect(page.locator("#card")).to_contain_text("This model votes for a class")


def test_the_theme_is_kept_from_page_to_page(server: Server, browser: Browser) -> None:
    """A button makes a light page dark, and the next page is dark too."""
    with open_page(browser, f"{server.url}/trust", bench=VERDICT) as page:
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        before = page.evaluate(ground)
        page.click("button.theme")
        dark = page.evaluate(ground)
        assert dark != before
        page.click("nav >> text=Live")
        page.wait_for_selector("#live > *")
        assert page.evaluate(ground) == dark


def test_a_row_of_disagreement_is_tried_by_one_action(
    server: Server, browser: Browser
) -> None:
    """The link of a digit on which models disagree opens the bench with just that digit."""
    with open_page(browser, f"{server.url}/trust", bench=".rows canvas") as page:
        page.click(".rows a")
        page.wait_for_selector(".headline b")
        assert page.locator(".verdicts li.dissents").count() >= 1


def test_a_year_among_the_values_of_a_row_is_read_as_one(
    server: Server, browser: Browser
) -> None:
    """No mark stands between its thousands, six digits of a number are kept, and names and gaps are as they are."""
    given = [2023, 12345.678, "red", None]
    with open_page(browser, f"{server.url}/trust", bench=VERDICT) as page:
        written = page.evaluate(
            """async (given) => {
            const app = document.querySelector("script[type=module]").src;
            const { writeValue } = await import(new URL("../words.js", app));
            return given.map(writeValue); }""",
            given,
        )

    assert written == ["2023", "12345.7", "red", None]


def write_own(path: Path) -> Path:
    """Writes held-out wines with a column more than the features and the class."""
    lines = list(csv.reader((MODELS / "wine.held_out.csv").read_text().splitlines()))
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([*lines[0], "day"])
        for number, line in enumerate(lines[1:]):
            writer.writerow([*line, ("mon", "tue")[number % 2]])

    return path


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [("en", "light", WIDE), ("es", "dark", PHONE)],
    ids=["wide", "phone"],
)
def test_an_own_table_is_judged_by_three_actions(
    server: Server,
    browser: Browser,
    tmp_path: Path,
    *,
    language: str,
    theme: str,
    size: tuple[int, int],
) -> None:
    """Page, file and column of the truth: the task is found by the columns, and the evidence verifies."""
    own = write_own(tmp_path / "own.csv")
    look = {"language": language, "theme": theme, "size": size}
    with open_page(browser, f"{server.url}/trust", bench=VERDICT, **look) as page:  # type: ignore[arg-type]  # each has its type
        page.set_input_files("#own", own)
        page.click("#notices >> text=class")
        page.wait_for_selector(".downloads")
        words = {"en": "on 36 rows of yours", "es": "con 36 casos tuyos"}
        assert words[language] in page.inner_text(VERDICT)
        assert page.locator(".disagreements li").count() >= 1
        check_page(page, size)

        evidence, report = (
            tmp_path / "evidence.json",
            tmp_path / "report.html",
        )
        for number, path in enumerate((evidence, report), start=1):
            with page.expect_download() as coming:
                page.click(f".downloads button:nth-child({number})")
            coming.value.save_as(path)

        page.goto(report.as_uri())
        assert words[language] in page.inner_text(VERDICT)
        page.goto(f"{server.url}/trust")

    assert json.loads(evidence.read_bytes())["data"]["source"] == "own.csv"
    assert main(["--verify", str(evidence)]) == 0


@pytest.mark.parametrize(
    ("language", "theme", "size", "words"),
    [
        (
            "en",
            "light",
            WIDE,
            "own.csv: 36 rows judged. 142 rows were learnt from by these models and are left out.",
        ),
        (
            "es",
            "dark",
            PHONE,
            "own.csv: 36 casos juzgados. De 142 casos ya aprendieron estos modelos: quedan fuera.",
        ),
    ],
    ids=["wide", "phone"],
)
def test_rows_that_models_were_learnt_from_are_told_of(
    server: Server,
    browser: Browser,
    tmp_path: Path,
    *,
    language: str,
    theme: str,
    size: tuple[int, int],
    words: str,
) -> None:
    """Rows of training beside the held-out ones are counted on the page; of held-out rows alone it says none was."""
    own = write_all_wines(tmp_path / "own.csv")
    look = {"language": language, "theme": theme, "size": size}
    with open_page(browser, f"{server.url}/trust", bench=VERDICT, **look) as page:  # type: ignore[arg-type]  # each has its type
        page.set_input_files("#own", own)
        told = page.locator(".downloads p >> nth=0")
        expect(told).to_have_text(words)
        check_page(page, size)

        page.click(".downloads button:nth-child(3)")
        own.write_bytes((MODELS / "wine.held_out.csv").read_bytes())
        page.set_input_files("#own", own)
        none = {"en": "None of these rows was learnt", "es": "De ninguno de estos"}
        expect(told).to_contain_text(none[language])


def write_all_wines(path: Path) -> Path:
    """Writes the whole data set, of which the shipped models were learnt from all but the held-out rows."""
    dataset = datasets.load("wine")
    names = [dataset.classes[each] for each in dataset.target]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*dataset.feature_names, "class"])
        for values, name in zip(dataset.features.tolist(), names, strict=True):
            writer.writerow([*values, name])

    return path


def test_of_a_model_without_a_record_it_is_said_that_learnt_rows_are_not_known(
    browser: Browser, tmp_path: Path
) -> None:
    """Files without hashes of learnt rows: the page says that it is not known, in a sentence of its own."""
    models = tmp_path / "models"
    models.mkdir()
    write_tiny(models, tiny_card(family="first"))
    write_tiny(models, tiny_card(family="second"), sign=-1.0)
    complaints: list[str] = []
    own = tmp_path / "own.csv"
    own.write_text("size,colour,label\n0.5,red,yes\n-0.5,green,no\n0.25,blue,yes\n")
    with (
        serve(tmp_path, VEREDICTO_MODELS=models) as server,
        open_page(
            browser, f"{server.url}/trust", bench=".own", complaints=complaints
        ) as page,
    ):
        page.set_input_files("#own", own)
        expect(page.locator(".downloads p >> nth=0")).to_contain_text(
            "Which rows these models learnt from is not known here"
        )


def test_a_column_without_a_name_is_not_the_truth(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    """Numbers of rows, which data frames write first and name nothing, are no choice: the other column is taken."""
    lines = (MODELS / "wine.held_out.csv").read_text().splitlines()
    numbered = [f"{number}," * (number > 0) + line for number, line in enumerate(lines)]
    own = tmp_path / "own.csv"
    own.write_text("\n".join([f",{numbered[0]}", *numbered[1:]]))
    with open_page(browser, f"{server.url}/trust", bench=VERDICT) as page:
        page.set_input_files("#own", own)
        page.wait_for_selector(".downloads")
        assert "on 36 rows of yours" in page.inner_text(VERDICT)


@pytest.mark.parametrize(
    ("start", "encoding"),
    [("", "cp1252"), ("\ufeff", "utf-8"), ("\ufeff", "utf-16-le")],
)
def test_names_of_columns_are_read_in_the_encoding_of_the_table(
    browser: Browser, server: Server, start: str, encoding: str
) -> None:
    """Accents are read as Excel writes them too, so that the features are known and the other columns can be chosen."""
    line = (
        f'{start}Id;"Antig\u00fcedad; meses";Importe \u20ac;s\u00ed\r\n1;2;3;\u00f1\r\n'
    )
    with open_page(browser, f"{server.url}/trust", bench=VERDICT) as page:
        names = page.evaluate(
            """async (bytes) => {
            const app = document.querySelector("script[type=module]").src;
            const { readNames } = await import(new URL("../lines.js", app));
            return readNames(new Uint8Array(bytes)); }""",
            list(line.encode(encoding)),
        )

    assert names == ["Id", "Antig\u00fcedad; meses", "Importe \u20ac", "s\u00ed"]


def test_a_table_that_cannot_be_judged_is_told_of(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    """The service's sentence is on the page, and the verdict on held-out rows stays."""
    own = tmp_path / "own.csv"
    own.write_text("colour,size\nred,1\n")
    complaints: list[str] = []
    with open_page(
        browser, f"{server.url}/trust", bench=VERDICT, complaints=complaints
    ) as page:
        page.set_input_files("#own", own)
        page.wait_for_selector("#notices >> text=expected a column for each feature")
        assert "held-out rows" in page.inner_text(VERDICT)

    assert all("400" in each for each in complaints)


def test_own_images_are_judged_by_their_folders(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    """A folder of each class is chosen at once, and the pictures on which models disagree are shown."""
    random = np.random.default_rng(0)
    for number in range(8):
        folder = tmp_path / "own" / ("cat", "automobile")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        coarse = random.integers(0, 256, (3 + number, 3 + number, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((40, 40))
        picture.save(folder / f"{number}.png")
    with open_page(
        browser, f"{server.url}/trust?task=cat_or_automobile", bench=VERDICT
    ) as page:
        expect(page.locator("#own")).to_have_attribute("webkitdirectory", "")
        page.set_input_files("#own", tmp_path / "own")
        page.wait_for_selector(".downloads >> text=8 rows judged")
        pictures = page.locator(".rows img")
        assert pictures.count() == page.locator(".rows li").count() >= 1


def test_without_a_journal_the_live_page_says_how_to_begin(
    server: Server, browser: Browser
) -> None:
    """The sentence has the two settings with a model of the task."""
    with open_page(browser, f"{server.url}/live?task=wine", bench="#live > *") as page:
        text = page.inner_text("#live")
        assert "VEREDICTO_JOURNAL=journal.db VEREDICTO_SHADOW=wine:wine-" in text
        check_page(page, WIDE)


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [("en", "light", WIDE), ("es", "dark", PHONE)],
    ids=["wide", "phone"],
)
def test_champion_and_challengers_are_followed_while_labels_come(
    browser: Browser,
    tmp_path: Path,
    *,
    language: str,
    theme: str,
    size: tuple[int, int],
) -> None:
    """The verdict so far becomes a curve, and a wanted label that is told on the page is kept."""
    models = tmp_path / "models"
    models.mkdir()
    write_tiny(models, tiny_card(family="first"))
    write_tiny(models, tiny_card(family="second"), sign=-1.0)
    settings = {
        "VEREDICTO_MODELS": models,
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
        "VEREDICTO_SHADOW": "colour:colour-first",
    }
    with serve(tmp_path, **settings) as server:
        ids = [predict(server.client) for _ in range(12)]
        wait_until(lambda: count_shadowed(server.client) == 12)
        tell(server.client, ids[:4])

        look = {"language": language, "theme": theme, "size": size}
        url = f"{server.url}/live"
        with open_page(browser, url, bench="#live .curve", **look) as page:  # type: ignore[arg-type]  # each has its type
            assert page.locator("#live button.model").count() == 1
            tell(server.client, ids[4:8])
            page.wait_for_selector("#live .curve .path", state="attached")
            # Those that wait for their truth are the last four once the page has seen the labels.
            expect(page.locator("#live .rows .choices")).to_have_count(4)
            page.click("#live .rows .choices button >> nth=0")
            page.wait_for_selector("#notices .notice")
            check_page(page, size)
            reload_curve(page, first=1)
            choose_metric(page)

        # A comparison is a second old at most.
        wait_until(lambda: count_labelled(server.client) == 9)


def reload_curve(page: Page, *, first: int) -> None:
    """Loads the page again, whose curve begins at the first label, which was told before the page was open."""
    page.reload()
    begin = page.locator("#live .curve text").get_by_text(str(first), exact=True)
    expect(begin).to_be_attached()


def choose_metric(page: Page) -> None:
    """Looks at the challenger by Brier score, whose test is said to be by it, and at accuracy again."""
    title = page.locator("#live .parts h2").nth(1)
    for metric, words in (("brier", "Brier"), ("accuracy", "")):
        page.click(f'#live [data-key="by/{metric}"]')
        chosen = page.locator(f'#live [data-key="by/{metric}"]')
        expect(chosen).to_have_attribute("aria-pressed", "true")
        expect(title).to_contain_text(words)


def predict(client: httpx.Client) -> str:
    """Asks the champion for a prediction and returns its id."""
    row = {"model": "colour-first", "inputs": [[0.5, "green"]]}
    return str(client.post("/predict", json=row).json()["id"])


def count_shadowed(client: httpx.Client) -> int:
    """Returns how many rows the challenger has answered."""
    models = client.get("/tasks/colour/comparison").json()["models"]
    return min(int(each["rows"]) for each in models)


def count_labelled(client: httpx.Client) -> int:
    """Returns how many rows have a true label."""
    found = client.get("/tasks/colour/comparison").json()
    return int(found["window"]["labelled"])


def tell(client: httpx.Client, ids: list[str]) -> None:
    """Tells the truth of these predictions."""
    for each in ids:
        answer = client.post("/feedback", json={"id": each, "label": "yes"})
        assert answer.status_code == 200


def test_a_server_that_goes_away_is_told_of_and_asked_again(
    browser: Browser, start_server: StartServer, tmp_path: Path
) -> None:
    """The page says so, and shows the verdict that was asked for once a server is there again."""
    complaints: list[str] = []
    folder = tmp_path / "models"
    folder.mkdir()
    for path in (*MODELS.glob("wine-*.onnx"), MODELS / "wine.held_out.csv"):
        shutil.copy(path, folder)
    with start_server(VEREDICTO_MODELS=folder) as server:
        port = int(server.url.rpartition(":")[2])
        with open_page(
            browser, f"{server.url}/trust", bench=VERDICT, complaints=complaints
        ) as page:
            server.process.terminate()
            server.process.wait()
            page.click("text=Brier score")
            page.wait_for_selector("text=The server does not answer.")
            with start_server(port=port, VEREDICTO_MODELS=folder):
                expect(page.locator(VERDICT)).to_contain_text("by Brier score")


def test_a_folder_without_classifiers_has_its_pages(
    browser: Browser, start_server: StartServer, tmp_path: Path
) -> None:
    """The pages on trust and on live models say that nothing can be compared or watched where no file has a card."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "plain.onnx").write_bytes(tiny_graph().SerializeToString())
    with start_server(VEREDICTO_MODELS=folder) as server:
        for path in ("/trust", "/live"):
            url = f"{server.url}{path}"
            with open_page(browser, url, bench=".empty") as page:
                assert "No classifier is served here" in page.inner_text(".empty"), path
                check_page(page, WIDE)
