"""These tests read dates: one text is one by itself, or not; the texts of a column are dates together."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import polars as pl
import pytest

from tables.date_texts import DateError, count_days, read_column, read_date, read_texts
from tables.dates import read_dates

FIFTH_OF_JULY = dt.date(2022, 7, 5)
LEARNT = (count_days(dt.date(2022, 6, 1)), count_days(dt.date(2022, 12, 31)))


@pytest.mark.parametrize(
    "text",
    [
        "2022-07-05",
        "2022-7-5",
        " 2022-07-05 ",
        "2022/07/05",
        "2022.07.05",
        "20220705",
        "2022-07-05T10:30:00",
        "2022-07-05 10:30",
        "2022-07-05T23:59:59.999Z",
        "2022-07-05T00:30:00+02:00",
        "2022-07-05 00:00:00+00:00",
        "2022-07-05T10",
        "2022/07/05 1:05:22 p. m. GMT-5",
        "2022-07-05 1:05 p.\u00a0m.",
        "2022-07-05 10:30:00 CEST",
        "2022-07-05T10:30:00+02:00[Europe/Madrid]",
        "2022-07-05 10:30:00 UTC+2",
        "05JUL2022:10:30:00.000000",
        "05-JUL-22 10.30.00.000000 AM",
        "martes, 5 de julio de 2022",
        "Dienstag, 5. Juli 2022",
        "terça-feira, 5 de julho de 2022",
        "20220705T103000Z",
        "5 July 2022",
        "July 5th, 2022",
        "5 de julio de 2022",
        "5. Juli 2022",
        "5 juillet 2022",
        "05-Jul-2022",
        "05JUL2022",
        "05-Jul-22",
        "Tue, 05 Jul 2022 08:30:00 GMT",
        "05.07.2022",
        "2022年7月5日",
        "２０２２年７月５日",
        "٢٠٢٢-٠٧-٠٥",
        "٢٠٢٢/٠٧/٠٥ ١٠:٣٠",
        "2022년 7월 5일",
        "5 juli 2022",
        "5 июля 2022 г.",
        "5 липня 2022 р.",
        "5 lipca 2022",
        "5 Temmuz 2022",
        "5 de juliol de 2022",
        "5.7.22",
        "5. 7. 2022",
        "5. 7. 22",
        "05.07.2022.",
        "2022.07.05.",
        "Jul 5 '22",
        "Tue Jul  5 10:30:00 2022",
        "Tue Jul 05 10:30:00 CEST 2022",
        "Tue Jul 05 10:30:00 +0000 2022",
        "Tue Jul 05 2022 10:30:00 GMT+0200 (Central European Summer Time)",
    ],
)
def test_a_text_that_is_one_date_is_read(text: str) -> None:
    """The notations of the world that leave no choice are read, and times are left out."""
    assert read_date(text) == FIFTH_OF_JULY


@pytest.mark.parametrize(
    "texts",
    [
        ["03.2022", "12.2021"],
        ["2022年3月", "2021年12月"],
        ["2022년 3월", "2021년 12월"],
    ],
)
def test_months_of_a_year_are_no_numbers(texts: list[str]) -> None:
    """A month and its year with a point between them are a day, and no decimal number; so are those of East Asia."""
    column = read_dates(pl.Series("a", texts))
    assert column.dates is not None
    assert column.dates.to_list() == [dt.date(2022, 3, 1), dt.date(2021, 12, 1)]
    assert read_dates(pl.Series("a", ["3.2022", "12.2021", "0.5"])).dates is None


DAYS = ["28.5.22", "3.10.21", "1.2.22", "15.12.21", "7.8.22"]
MONTHS = ["202203", "202112", "202001", "201910", "202207"]


@pytest.mark.parametrize(
    ("texts", "first", "note"),
    [
        (
            DAYS,
            dt.date(2022, 5, 28),
            "'28.5.22' was read as 2022-05-28, years of two digits as 1969 to 2068",
        ),
        (MONTHS, dt.date(2022, 3, 1), "'202203' was read as 2022-03"),
        (
            [f"{each[:4]}.{each[4:]}" for each in MONTHS],
            dt.date(2022, 3, 1),
            "'2022.03' was read as 2022-03",
        ),
    ],
)
def test_doubtful_notations_are_dates_where_several_texts_fit(
    texts: list[str], first: dt.date, note: str
) -> None:
    """Five texts that are all days with a day over 12, or all months, are dates, which is said; four may be chance."""
    read = read_texts(Counter(texts))
    assert read.dates is not None
    assert read.dates[texts[0]] == first
    assert read.note == note
    assert read_texts(Counter(texts[1:])).dates is None
    assert read_texts(Counter(texts[:1]), LEARNT).dates == {texts[0]: first}


def test_versions_are_no_days() -> None:
    """Versions of Python could be days of October and November, but none begins with a day over 12."""
    versions = ["3.7.17", "3.8.18", "3.9.19", "3.10.14", "3.11.10", "3.12.17"]
    assert read_texts(Counter(versions)).dates is None


def test_times_ahead_of_the_year_are_left_out() -> None:
    """Times that differ are noted also where the year stands behind them."""
    hours = pl.Series("day", [f"Tue Jul  5 {hour}:30:00 2022" for hour in (10, 11)])
    read = read_dates(hours)
    assert read.dates is not None
    assert read.dates.to_list() == [FIFTH_OF_JULY] * 2
    assert read.times
    assert not read_dates(hours.head(1)).times


@pytest.mark.parametrize(
    "months",
    [
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "Januar Februar Mrz April Mai Juni Juli August September Oktober November Dezember",
        "januari februari maart april mei juni juli augustus september oktober november december",
        "januar februar mars april mai juni juli august september oktober november desember",
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
        "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
        "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    ],
)
def test_all_months_of_a_language_are_read(months: str) -> None:
    """A column of a year's months is dates throughout, so that no month is left to be a word."""
    texts = [f"1 {name} 2022" for name in months.split()]
    read = read_texts(Counter(texts))
    assert read.dates is not None
    assert [day.month for day in map(read.dates.get, texts) if day] == [*range(1, 13)]
    assert read_date(texts[1].replace("1 ", "1er ", 1)) == dt.date(2022, 2, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("31/12/2022", dt.date(2022, 12, 31)),
        ("12/31/2022", dt.date(2022, 12, 31)),
        ("31-12-2022", dt.date(2022, 12, 31)),
        ("05/05/2022", dt.date(2022, 5, 5)),
        ("31/12/22", dt.date(2022, 12, 31)),
        ("31/12/69", dt.date(1969, 12, 31)),
        ("31/12/68", dt.date(2068, 12, 31)),
        ("15OCT2022", dt.date(2022, 10, 15)),
        ("2022-07", dt.date(2022, 7, 1)),
        ("7/2022", dt.date(2022, 7, 1)),
        ("Dec 2022", dt.date(2022, 12, 1)),
    ],
)
def test_a_text_that_could_not_be_another_date_is_read(text: str, day: dt.date) -> None:
    """A day over 12 says where the month is, and years of two digits are those of POSIX."""
    assert read_date(text) == day


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "05/07/2022",
            "got '05/07/2022', which may be 2022-05-07 or 2022-07-05: write the one that is meant so",
        ),
        (
            "05/07/22",
            "got '05/07/22', which may be 2022-05-07 or 2022-07-05: write the one that is meant so",
        ),
        (
            "22-07-05",
            "got '22-07-05', which may be 2005-07-22 or 2022-07-05: write the one that is meant so",
        ),
        ("2022-02-30", "got '2022-02-30', which is no day of the calendar"),
        ("31/02/2022", "got '31/02/2022', which is no day of the calendar"),
        ("0000-00-00", "got '0000-00-00', which is no day of the calendar"),
        ("2022-13-01T10:00", "got '2022-13-01T10:00', which is no day of the calendar"),
        ("2022-W27", "got '2022-W27'"),
        ("soon", "got 'soon'"),
        ("", "got ''"),
        ("٢٠٢٢-٠٧-٣٢", "got '٢٠٢٢-٠٧-٣٢', which is no day of the calendar"),
        ("1" * 10_000, f"got {'1' * 64!r}..."),
        ("T " * 10_000, f"got {'T ' * 32!r}..."),
    ],
)
def test_what_is_no_date_or_two_is_refused(text: str, message: str) -> None:
    """A text that is no date, or may be two, is refused without a guess, and the error says what would work."""
    with pytest.raises(DateError) as refused:
        read_date(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("texts", "day", "note"),
    [
        (
            ["05/07/22", "31/12/22"],
            FIFTH_OF_JULY,
            "'05/07/22' was read as 2022-07-05, years of two digits as 1969 to 2068",
        ),
        (
            ["7/5/22", "12/31/22"],
            FIFTH_OF_JULY,
            "'7/5/22' was read as 2022-07-05, years of two digits as 1969 to 2068",
        ),
        (
            ["05-Jul-22", "31-Dec-99"],
            FIFTH_OF_JULY,
            "'05-Jul-22' was read as 2022-07-05 and '31-Dec-99' as 1999-12-31, years of two digits as 1969 to 2068",
        ),
        (
            ["22-07-05", "22-12-04"],
            FIFTH_OF_JULY,
            "'22-07-05' was read as 2022-07-05, years of two digits as 1969 to 2068",
        ),
        (
            ["05/07/2022", "06/07/2022"],
            FIFTH_OF_JULY,
            "'05/07/2022' was read as day, month, year",
        ),
    ],
)
def test_what_is_assumed_of_dates_is_noted(
    texts: list[str], day: dt.date, note: str
) -> None:
    """A column of dates with years of two digits, or with days that could be months, says how it was read."""
    read = read_texts(Counter(texts))
    assert read.dates is not None
    assert read.dates[texts[0]] == day
    assert read.note == note


def test_dates_are_read_as_they_lie_in_what_was_learnt() -> None:
    """The order is that of which more rows have days that models know."""
    texts = {"07/05/2022": 3, "08/06/2022": 1}
    assert read_texts(texts).dates == {
        "07/05/2022": dt.date(2022, 5, 7),
        "08/06/2022": dt.date(2022, 6, 8),
    }
    read = read_texts(texts, LEARNT)
    assert read.dates == {
        "07/05/2022": dt.date(2022, 7, 5),
        "08/06/2022": dt.date(2022, 8, 6),
    }
    assert not read.is_guess
    assert (
        read.note
        == "'07/05/2022' was read as month, day, year, since more of these dates are in the range learnt so"
    )


def test_a_day_at_the_edge_of_what_was_learnt_decides_nothing() -> None:
    """Rows just before the first day or after the last one are no reason to take days for months."""
    texts = {"10/12/2022": 1, "05/01/2023": 1, "07/08/2022": 1}
    assert read_texts(texts, LEARNT).dates == {
        "10/12/2022": dt.date(2022, 12, 10),
        "05/01/2023": dt.date(2023, 1, 5),
        "07/08/2022": dt.date(2022, 8, 7),
    }
    assert not read_texts(texts, LEARNT).is_guess


def test_rows_count_where_dates_are_in_what_was_learnt() -> None:
    """A text of many rows weighs more than several of one row."""
    texts = {"07/05/2022": 1, "05/07/2022": 9}
    read = read_texts(texts, LEARNT)
    assert read.dates is not None
    assert read.dates["05/07/2022"] == FIFTH_OF_JULY


def test_a_tie_is_the_day_first_and_said() -> None:
    """The day is first, which is a guess, where both orders have as many dates in what was learnt."""
    read = read_texts({"08/07/2022": 1}, LEARNT)
    assert read.dates == {"08/07/2022": dt.date(2022, 7, 8)}
    assert read.is_guess
    assert (
        read.note
        == "'08/07/2022' was read as day, month, year, as many of these dates are in the range learnt either way"
    )


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        (
            ["31/12/2022", "12/31/2022"],
            "looks like dates, but some have the day first and others the month: write them as 2024-12-31",
        ),
        (["soon", "later"], "expects dates throughout, as 2024-12-31, got 'soon'"),
    ],
)
def test_a_column_that_is_no_dates_says_why(texts: list[str], fault: str) -> None:
    """The first text that is wrong is named."""
    assert read_column(texts).fault.startswith(fault)


def test_years_of_two_and_of_four_digits_are_no_column() -> None:
    """A column that is not known as dates is none where some years have two digits and others four."""
    read = read_dates(pl.Series("day", ["31/12/2022", "31/12/22"]))
    assert read.fault == (
        "looks like dates, but some years have two digits and others four: write them as 2024-12-31"
    )


@pytest.mark.parametrize("odd", ["2022-02-30", "soon", "5", "31/12/2022", "31/12/22"])
def test_a_few_texts_that_are_no_dates_are_left_out(odd: str) -> None:
    """A column that models know as dates is one without these, in both readers, and its rows are told."""
    texts = ["2022-07-05", None, odd, "2022-07-05 10:00", "-"]
    dates = [FIFTH_OF_JULY, None, None, FIFTH_OF_JULY, None]

    without = read_column(texts, LEARNT)
    assert (list(without.dates), list(without.odd)) == (dates, [2])
    with_polars = read_dates(pl.Series("day", texts), LEARNT)
    assert with_polars.dates is not None
    assert (with_polars.dates.to_list(), list(with_polars.odd)) == (dates, [2])


def test_a_long_text_takes_no_long_time() -> None:
    """A cell of many letters that could begin a time is refused at once; the search for one would take minutes."""
    assert list(read_column(["T" * 131_072, "2022-07-05"]).odd) == [0]


def test_gaps_of_a_column_are_missing_dates() -> None:
    """Marks of a gap among dates are no dates, and a column of gaps has none."""
    read = read_column(["2022-07-05 10:00", None, "-", "n/a", "0000-00-00"])
    assert read.dates == [FIFTH_OF_JULY, None, None, None, None]
    assert read_column([None, "-"]).dates == [None, None]


@pytest.mark.parametrize("learnt", [None, LEARNT])
@pytest.mark.parametrize(
    "texts",
    [
        ["2022-07-05T10:00:00Z", "2022-12-31T23:00:00Z", None, "NA"],
        ["07/05/2022", "08/06/2022", "07/05/2022"],
        ["Tue, 05 Jul 2022", "Sat, 31 Dec 2022"],
        ["20220705T1000", "20221231T1100"],
        ["2022/07/05 1:05:22 p. m. GMT-5", "2022/12/31 11:05:22 a. m. GMT+2"],
        ["2022M07", "2022M12"],
        ["martes, 5 de julio de 2022", "sábado, 31 de diciembre de 2022"],
        ["05JUL2022:10:00:00", "31DEC2022:11:00:00"],
        ["05/07/22", "-", "31/12/22"],
        ["July 5, 2022", "Dec 31, 2022"],
    ],
)
def test_both_readers_of_columns_are_one(
    texts: list[str | None], learnt: tuple[float, float] | None
) -> None:
    """The server, which has no polars, reads a column as training and reports do."""
    column = pl.Series("day", [None if each == "NA" else each for each in texts])
    with_polars = read_dates(column, learnt)
    without = read_column(column.to_list(), learnt)
    assert with_polars.dates is not None
    assert with_polars.dates.to_list() == list(without.dates)
    assert without.note == with_polars.note


def test_a_column_with_hours_says_that_they_are_left_out() -> None:
    """Times that differ are noted, and those of midnight throughout are none."""
    hours = pl.Series("day", ["2022-07-05 10:00", "2022-07-05 11:00"])
    midnight = pl.Series("day", ["2022-07-05 00:00", "2022-07-06 00:00"])
    assert (
        read_dates(hours).times
        == "times are left out: to learn from hours, give them a column of their own"
    )
    assert not read_dates(midnight).times


@pytest.mark.parametrize(
    "texts",
    [
        ["1.2.10", "3.10.12"],
        ["SET-12", "MAR-45"],
        ["12-34-56", "65-43-21"],
        ["3 marcas 15", "4 modelos 16"],
    ],
)
def test_what_only_looks_like_years_of_two_digits_is_no_date(texts: list[str]) -> None:
    """Versions, codes and counts stay what they are."""
    assert read_texts(Counter(texts)).dates is None
    assert not read_texts(Counter(texts)).fault
