"""The first bytes of a file tell its format; what is plainly no text of a table is called by its name."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence

EXCEL = "expected CSV or Parquet, got an Excel workbook: save its sheet as CSV UTF-8"
_OF_R = "data of R: write CSV, as with write.csv"
_OF_SPSS = "an SPSS file: write CSV"
_OF_STATA = "a Stata file: write CSV, as with export delimited"
_OF_SAS = "a SAS file: write CSV, as with proc export"
_OF_MATLAB = "a MATLAB file: write CSV, as with writetable"
_OF_ACCESS = "an Access database: export its table as CSV"
_PICKLE = "a pickle of Python, which is never opened: write CSV or Parquet"
_IMAGE = (
    "an image: images are learnt from a folder that has a folder of them for each class"
)
_OF_MNIST = "pixels or labels as those of MNIST: write each image as PNG into the folder of its class"
_SOUND = "a sound or a video: write numbers that describe it, a row for each"
_SETTINGS = "a file of settings: write CSV"
OTHERS: Mapping[bytes, str] = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save its sheet as CSV UTF-8",
    b"PAR1": "Parquet that is packed: unpack it",
    b"PARE": "Parquet that is encrypted: write it without",
    b"\x28\xb5\x2f\xfd": "a Zstandard file: unpack it, as with unzstd",
    b"\xfd7zXZ\0": "an xz file that is packed once more: unpack it",
    b"\x1f\x8b": "a gzip file that is packed once more: unpack it",
    b"BZh": "a bzip2 file that is packed once more: unpack it",
    b"PK\x03\x04": "a zip archive or an Excel workbook that is packed once more: unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"PK\x05\x06": "an empty zip archive",
    b"\x04\x22\x4d\x18": "an lz4 file: unpack it",
    b"\x5d\0\0": "an lzma file: unpack it",
    b"\x1f\x9d": "a file of compress: unpack it, as with gunzip",
    b"\x89LZO": "an lzop file: unpack it",
    b"LZIP": "an lzip file: unpack it",
    b"\xff\x06\0\0sNaPpY": "a file of Snappy: unpack it",
    b"%PDF": "a PDF",
    b"{\\rtf": "a text of a word processor: save its table as CSV UTF-8",
    b"ARROW1": "Arrow's format (Feather): write Parquet",
    b"\xff\xff\xff\xff": "a stream of Arrow: write Parquet",
    b"FEA1": "Feather of version 1: write Parquet",
    b"Obj\x01": "Avro: write Parquet",
    b"\x89HDF": "HDF5: write Parquet",
    b"CDF\x01": "netCDF: write Parquet",
    b"CDF\x02": "netCDF: write Parquet",
    b"SIMPLE  = ": "FITS: write CSV",
    b"\x93NUMPY": "an array of numpy: write CSV with names of columns",
    b"\0\0\x08\x01": _OF_MNIST,
    b"\0\0\x08\x03": _OF_MNIST,
    b"SQLite format 3": "an SQLite database: export its table as CSV",
    b"\0\1\0\0Standard Jet DB": _OF_ACCESS,
    b"\0\1\0\0Standard ACE DB": _OF_ACCESS,
    b"$FL2": _OF_SPSS,
    b"$FL3": _OF_SPSS,
    b"<stata_dta>": _OF_STATA,
    bytes(12) + b"\xc2\xea\x81\x60": _OF_SAS,
    b"HEADER RECORD*******": _OF_SAS,
    b"MATLAB 5.0 MAT-file": _OF_MATLAB,
    b"MATLAB 7.": _OF_MATLAB,
    b"RDX2": _OF_R,
    b"RDX3": _OF_R,
    b"RDA2\n": _OF_R,
    b"RDA3\n": _OF_R,
    b"X\n\0\0\0": _OF_R,
    b"\x89PNG": _IMAGE,
    b"\xff\xd8\xff": _IMAGE,
    b"GIF8": _IMAGE,
    b"II*\0": _IMAGE,
    b"MM\0*": _IMAGE,
    b"ID3": _SOUND,
    b"OggS": _SOUND,
    b"fLaC": _SOUND,
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself: git lfs pull fetches it",
    b"[InternetShortcut]": "a link to a page and not what is there: download it as CSV",
}
_JSON = "JSON: write its rows as CSV"
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"\x80[\x02-\x05][\x8a\x95\x7d\x63]", _PICKLE),
    (
        r"c(copy_reg|_codecs|builtins|__builtin__|pandas|numpy|sklearn)[\w.]*\n\w+\n|\((?:dp|lp|i)\d+\n|[}\](]q\x00",
        _PICKLE,
    ),
    (r"ORC[\x00-\x1f]", "ORC: write Parquet"),
    (r"[\x69\x6c\x6e\x6f\x71-\x73][\x01\x02]\x01\x00", _OF_STATA),
    (r"A\n[23]\n\d{5,}\n", _OF_R),
    (r"[^\0]{0,200}ASCII SPSS PORT FILE", _OF_SPSS),
    (
        r"[\x03\x30\x31\x83\x8b\xf5].[\x01-\x0c][\x01-\x1f][^\0]{0,8}\0",
        "a dBase file: write CSV",
    ),
    (r".{8}DUCK", "a DuckDB database: export its table as CSV, as with COPY ... TO"),
    (
        r"RIFF.{4}WEBP|BM.{4}\0\0\0\0|P[1-6]\s[^\0]{1,40}\0|.{4}ftyp(heic|heix|mif1|avif)",
        _IMAGE,
    ),
    (r"RIFF.{4}(WAVE|AVI )|.{4}ftyp", _SOUND),
    (
        r"\x08[\x03-\x14]\x12.",
        "an ONNX file: `veredicto adopt` takes it, with a table as --data",
    ),
    (
        r"(?i)<(!doctype|html|head|body|table|\?xml|!--)|<([a-z][\w:.-]*)(\s[^<>]*)?>\s*</?[a-z]",
        "HTML or XML: fetch the file itself, or save its table as CSV UTF-8",
    ),
    (
        r'\{\s*"(url|doc_id)"\s*:\s*"[^"]*"\s*,[^{}\[\]]*"(doc_id|resource_id|email)"',
        "a link to a sheet of Google and not the sheet: download it as CSV",
    ),
    (r"\[\[?[\w. -]*[A-Za-z_][\w. -]*\]\]?\s*\n[\w. -]+=", _SETTINGS),
    (r"(---[ \t]*\n)?- [\w ]+:[ \n]", "YAML: write its rows as CSV"),
    (r"\{|\[\s*[\[{]", _JSON),
    (
        r"(?is)(--[^\n]*\n|/\*.*?\*/;?|\s)*((create|drop)\s+(table|database|schema)\b|insert\s+into\s|set\s+\w+\s*=|"
        r"begin(\s+transaction)?\s*;\s*\n|pragma\s+\w+\s*=|lock\s+tables\s)",
        "SQL: load it into its database, and export the table as CSV",
    ),
    (r"(?i)(%[^\n]*\n|\s)*@relation\s", "Weka's ARFF: save it as CSV"),
    (
        r"\+-[-+]+\+\s*\n\s*\||\|[^\n]*\|\s*\n\|[\s|:-]*--[\s|:-]*\|\s*\n|[^\n]*\|[^\n]*\n-+\+[-+]*-\s*\n",
        "a table drawn with lines, as a database or Markdown shows it: export it as CSV",
    ),
    (
        r"(OFXHEADER:|!Type:\w|:20:[^\n]*\n:25:|\{1:F01)",
        "a statement of a bank (OFX, QIF or MT940): fetch it as CSV",
    ),
    (
        r"[-=+]{8,}\s*\n\s*\|[^\n]*\|\s*\n|[^|\n]{0,80}\n\s*\|[^\n]*\|[^\n]*\|\s*\n\|[^\n]*\|[^\n]*\|\s*\n",
        "a table drawn with lines, as a database or Markdown shows it: export it as CSV",
    ),
    (
        r"(__label__\S+\s)+[^\n]*\n__label__",
        "the notation of fastText: write CSV with a column of labels and one of texts",
    ),
    (
        r"([-+.\d]+[^|\n]{0,60}\|([A-Za-z]\w{0,40})? [^\n:]{0,300}(?<=\w):[-+.\d][^\n]*\n){2}",
        "the notation of Vowpal Wabbit: write CSV with names of columns and a value in each",
    ),
    (
        r"[+-]?\d+(\.\d+)?([ \t]+(qid|\d+):[-+.\deE]+)+\s*(#[^\n]*)?\n",
        "the sparse notation of LIBSVM: write CSV with names of columns and a value in each",
    ),
)
_COMPILED = tuple(
    (re.compile(each.encode("latin-1"), re.DOTALL), kind) for each, kind in _PATTERNS
)
N_START_BYTES = 4096
"""So many bytes tell a format."""
_ARCHIVES: tuple[tuple[str, str], ...] = (
    (r"xl/", "an Excel workbook: save its sheet as CSV UTF-8"),
    (r"word/|ppt/", "a document of Office: save its table as CSV UTF-8"),
    (r"Index/.*\.iwa$|Index\.zip$", "a sheet of Apple's Numbers: export it as CSV"),
    (
        r"([^/]+/)?data\.pkl$",
        "a file of torch, which is never opened: write CSV or Parquet",
    ),
    (r"[^/]+\.npy$", "arrays of numpy: write CSV with names of columns"),
)


class NoTextError(Exception):
    """The bytes are no text of a table; the error's text says what was expected and what came."""


def refuse_others(content: bytes) -> None:
    """Raises NoTextError for what its first bytes show to be something else."""
    kind = _name_format(content)
    if kind:
        raise NoTextError(f"expected CSV or Parquet, got {kind}")


def is_json(content: bytes) -> bool:
    """Tells whether bytes begin as JSON does."""
    return _name_format(content) == _JSON


def _name_format(content: bytes) -> str:
    """Returns what bytes begin as, with what would work, nothing where that may be a text of a table."""
    start = content[:N_START_BYTES]
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        start = start.decode("utf-16", errors="ignore").encode()
    bare = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return _match_format(start) or _match_format(bare)


def _match_format(start: bytes) -> str:
    for signature, kind in OTHERS.items():
        if start.startswith(signature):
            return kind

    return next((kind for each, kind in _COMPILED if each.match(start)), "")


def name_archive(members: Sequence[str]) -> str:
    """Returns what an archive of these files is, with what would work, nothing where it is one as people pack them."""
    if "content.xml" in members and "mimetype" in members:
        return "a sheet of LibreOffice: save it as CSV UTF-8"

    return next(
        (
            kind
            for each, kind in _ARCHIVES
            if any(re.match(each, name) for name in members)
        ),
        "",
    )
