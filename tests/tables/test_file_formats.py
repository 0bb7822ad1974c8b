"""A file that is no table is called by its format, with what would make a table of it."""

from __future__ import annotations

import io
import pickle

import pytest
from PIL import Image

from tables.file_formats import NoTextError, name_archive, refuse_others


def write_image(kind: str) -> bytes:
    """Returns a small image of a format of Pillow."""
    opened = io.BytesIO()
    Image.new("RGB", (8, 8)).save(opened, kind)
    return opened.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"ORC\x08\x03\x00", "ORC: write Parquet"),
        (b"<stata_dta><header>", "a Stata file"),
        (b"\x72\x02\x01\x00\x03\x00", "a Stata file"),
        (bytes(12) + bytes.fromhex("c2ea8160b31411cf"), "a SAS file"),
        (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!", "a SAS file"),
        (b" " * 80 + b"ASCII SPSS PORT FILE", "an SPSS file"),
        (b"A\n3\n262144\n197888\n", "data of R"),
        (b"RDA3\nA\n3\n", "data of R"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"CDF\x01\0\0", "netCDF"),
        (b"SIMPLE  =                    T", "FITS"),
        (b"\0\1\0\0Standard ACE DB\0", "an Access database"),
        (b"\x03\x7a\x01\x01\5\0\0\0\x61\0", "a dBase file"),
        (bytes(8) + b"DUCK", "a DuckDB database"),
        (b"\x08\x07\x12\x07pytorch", "an ONNX file: `veredicto adopt` takes it"),
        (b"{\\rtf1\\ansi a}", "a text of a word processor"),
        (
            b'{"url":"https://docs.google.com/open?id=1","doc_id":"1"}',
            "a link to a sheet of Google",
        ),
        (b"[InternetShortcut]\nURL=https://a.b\n", "a link to a page"),
        (b"[section]\nkey = 1\n", "a file of settings"),
        (b"[[rows]]\na=1\n", "a file of settings"),
        (b"- a: 1\n  b: 2\n", "YAML"),
        (b"+1 1:0.5 7:2\n-1 3:1\n", "the sparse notation of LIBSVM"),
        (b"2 qid:1 1:0.5 7:2 # doc\n0 qid:1 3:1\n", "the sparse notation of LIBSVM"),
        (b"1 |f x:0.5 red\n-1 |f x:3\n", "the notation of Vowpal Wabbit"),
        (b"1 2.0 id|f x:0.5\n1 |f x:3\n", "the notation of Vowpal Wabbit"),
        (b"__label__a good\n__label__b bad\n", "the notation of fastText"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "a statement of a bank"),
        (b"!Type:Bank\nD1/1/2021\n", "a statement of a bank"),
        (b":20:STARTUMS\n:25:10020030/1234567\n", "a statement of a bank"),
        (b"----------\n|a |b |\n----------\n|1 |2 |\n", "a table drawn with lines"),
        (b"List\n\n\n|a|b|\n|1|2|\n", "a table drawn with lines"),
        (b"\x04\x22\x4d\x18", "an lz4 file"),
        (b"\x5d\0\0\x80\0", "an lzma file"),
        (b"<svg width='1'></svg>", "HTML or XML"),
        (b"\0\0\0\x18ftypheic", "an image"),
        (b"\0\0\0\x18ftypisom", "a sound or a video"),
        *((pickle.dumps({"a": [1]}, protocol), "a pickle") for protocol in range(6)),
        *((write_image(kind), "an image") for kind in ("JPEG", "GIF", "BMP", "WEBP")),
        *((write_image(kind), "an image") for kind in ("TIFF", "PPM", "PNG")),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a sound or a video"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(content: bytes, kind: str) -> None:
    """The error names the format, so that nobody looks for a wrong encoding in a file that has none."""
    with pytest.raises(NoTextError, match=f"expected CSV or Parquet, got {kind}"):
        refuse_others(content)


@pytest.mark.parametrize(
    "content",
    [
        b"orc,id3\n1,2\n",
        b"ORCHARD,CDF\n1,2\n",
        b"BMI,P3\n1,2\n",
        b"P5 P6\n1 2\n",
        b"ID,3\n1,2\n",
        b"0,1\n2,3\n",
        b"-a: b,c\n1,2\n",
        b"[mm],[s]\n1,2\n",
        b"1 10:30 x\n",
        b"A\n3\n4\n",
        b"Object,RIFF\n1,2\n",
        b"carat\n1\n",
        b"rank\tn\n1\t2\n",
    ],
)
def test_names_of_columns_are_no_signature(content: bytes) -> None:
    """A table whose first names look like the beginning of a format is a table."""
    refuse_others(content)


def test_archives_of_other_programs_are_named() -> None:
    """Programs keep their documents in zip archives, whose files tell whose they are."""
    assert name_archive(["word/document.xml"]).startswith("a document of Office")
    assert name_archive(["Index/Document.iwa"]).startswith("a sheet of Apple's Numbers")
    assert name_archive(["a/data.pkl", "a/version"]).startswith("a file of torch")
    assert name_archive(["a.npy", "b.npy"]).startswith("arrays of numpy")
    assert name_archive(["data.csv", "README.txt"]) == ""
