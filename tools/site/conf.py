"""Sphinx: from _build/source to the pages. See gather.py for what comes before."""

import importlib
import inspect
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE)]

from slug import PROJECT, repository_slug  # noqa: E402
from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math  # noqa: E402
from sphinx.search.en import SearchEnglish  # noqa: E402

sys.path.insert(0, str(PROJECT))

project = "Invariant Point Attention, line by line"
html_title = "IPA, line by line"
author = "The IPA Tutorial authors"
copyright = "The IPA Tutorial authors. Code: MIT. Text and figures: CC BY 4.0"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.linkcode"]
exclude_patterns = ["lists/*", "live/*.html"]
root_doc = "index"

# --------------------------------------------------------------------------------------------------------- notebooks
nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 6

myst_heading_slug_func = "texts.jupyter_slug"  # so that links between notebooks hold here too

# --------------------------------------------------------------------------------------------------------------- api
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
maximum_signature_line_length = 72
toc_object_entries_show_parents = "hide"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """The lines on GitHub that define a name."""
    thing = importlib.import_module(info["module"])
    for part in info["fullname"].split("."):
        thing = getattr(thing, part, None)
    thing = inspect.unwrap(thing.fget if isinstance(thing, property) else thing)
    if not (inspect.isclass(thing) or inspect.isfunction(thing)) or not thing.__module__.startswith("ipa_tutorial"):
        return None
    lines, first = inspect.getsourcelines(thing)
    file = Path(inspect.getsourcefile(thing)).relative_to(PROJECT).as_posix()
    return f"https://github.com/{repository_slug()}/blob/main/{file}#L{first}-L{first + len(lines) - 1}"


# ------------------------------------------------------------------------------------------------------------- pages
html_theme = "sphinx_book_theme"
html_static_path = ["_build/static"]
html_extra_path = ["_build/extra"]
html_css_files = ["katex/katex.min.css", "site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = html_use_index = html_domain_indices = False
html_show_sphinx = False
html_logo = html_favicon = "static/frame.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "Invariant Point Attention, line by line"},
    "repository_url": f"https://github.com/{repository_slug()}",
    "navbar_persistent": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "github-dark",
    "use_download_button": False,
    "use_fullscreen_button": False,
}


class WithFractions(SearchEnglish):
    """English in which 9/2 is a word."""

    _word_re = re.compile(r"\d+/\d+|\w+")
    js_splitter_code = r"var splitQuery = query => query.match(/\d+\/\d+|[\p{Letter}\p{Number}_]+/gu) ?? [];"


def setup(app):
    app.add_search_language(WithFractions)
    # Formulas are left as TeX, and formulas.mjs sets them afterwards.
    app.add_html_math_renderer("katex", (html_visit_math, None), (html_visit_displaymath, None))


html_math_renderer = "katex"
