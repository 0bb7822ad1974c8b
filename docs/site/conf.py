"""Sphinx reads this: the theme, and that nothing is asked of another server."""

from __future__ import annotations

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "Veredicto"
author = "Veredicto's authors"
extensions = ["myst_parser"]
root_doc = "index"
language = "en"
exclude_patterns: list[str] = []

# Links to headings are as GitHub makes them.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = "Veredicto"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("languages.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
# The page of results would fetch each page for a summary, which a browser refuses to pages from a folder.
html_show_search_summary = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def setup(app: Sphinx) -> None:
    """Shows tables of values as they are, since Pygments has no colours for them."""
    app.add_lexer("csv", TextLexer)
