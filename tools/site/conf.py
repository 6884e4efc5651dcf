"""Sphinx: from _build/source to the pages. See gather.py for what comes before."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE)]

from slug import PROJECT, repository_slug  # noqa: E402

sys.path.insert(0, str(PROJECT))

project = "Invariant Point Attention, line by line"
html_title = "IPA, line by line"
author = "The IPA Tutorial authors"
copyright = "The IPA Tutorial authors. Code: MIT. Text and figures: CC BY 4.0"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["lists/*"]
root_doc = "index"

# --------------------------------------------------------------------------------------------------------- notebooks
nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 6
myst_links_external_new_tab = False

myst_heading_slug_func = "texts.jupyter_slug"  # so that links between notebooks hold here too

# --------------------------------------------------------------------------------------------------------------- api
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# ------------------------------------------------------------------------------------------------------------- pages
html_theme = "sphinx_book_theme"
html_static_path = ["_build/static"]
html_extra_path = ["_build/extra"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "repository_url": f"https://github.com/{repository_slug()}",
    "use_repository_button": True,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
