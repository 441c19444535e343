"""How Sphinx builds the site: ``make docs``."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util.docutils import SphinxDirective

import esrgan_train

HERE = Path(__file__).parent
MERMAID = HERE.parent / "build" / "mermaid" / "mermaid.min.js"

PACKAGE = "esrgan_train."

project = "esrgan_train"
author = "the authors of esrgan_train"
release = version = esrgan_train.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["README.md"]
nb_execution_mode = "off"  # a test executes the notebook; a site must build without a network or a GPU
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # links name headings as code hosts do
myst_fence_as_directive = ["mermaid"]  # code hosts draw such fences, too
copybutton_exclude = ".linenos, .gp"

# Code hosts draw their pages by scripts, which give headings and lines their anchors.
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1)\b"]  # what a command serves on the reader's machine
linkcheck_timeout = 20

autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "member-order": "bysource",
    "ignore-module-all": True,  # what a package hands on stands at its own module
}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
napoleon_custom_sections = ["Shape"]
python_maximum_signature_line_length = 88
add_module_names = False
suppress_warnings = [
    "ref.python",  # two rooms have a class of one name, and a signature names it without its module
]
modindex_common_prefix = [PACKAGE]

html_theme = "furo"
html_title = "esrgan_train"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
html_show_search_summary = False  # it would fetch pages, which browsers refuse without a server
html_show_sourcelink = False
html_copy_source = False


class Mermaid(SphinxDirective):
    """A drawing in Mermaid's language, which ``_static/drawings.js`` draws in the reader's browser."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the source of the drawing, as text that a browser without scripts shows as it is."""
        drawing = nodes.literal_block(text="\n".join(self.content), classes=["mermaid"], language="none")
        drawing["highlight_args"] = {"force": True}
        return [drawing]


class Room(SphinxDirective):
    """A section for each public module of a package, from its docstrings: ``{room} esrgan_train.losses``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        name = self.arguments[0]
        found = [name, *modules_of(importlib.import_module(name))]
        sections = [
            f"## {each.removeprefix(PACKAGE)}\n\n```{{eval-rst}}\n.. automodule:: {each}\n```\n" for each in found
        ]
        return self.parse_text_to_nodes("\n".join(sections), allow_section_headings=True)


def modules_of(package: ModuleType) -> list[str]:
    """Names of the public modules in a package, without its packages; none for a module."""
    if not hasattr(package, "__path__"):
        return []
    found = [each.name for each in pkgutil.iter_modules(package.__path__) if not each.ispkg]
    return [f"{package.__name__}.{name}" for name in found if not name.startswith("_")]


def without_bounds(signature: str) -> str:
    """``Annotated[int, Ge(1)]`` as ``int``, at any depth: the page of options says the bounds, in words."""
    before, mark, after = signature.partition("Annotated[")
    if not mark:
        return signature
    depth, end, comma = 1, 0, None
    while depth:
        depth += {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}.get(after[end], 0)
        if after[end] == "," and depth == 1 and comma is None:
            comma = end
        end += 1
    before = before.removesuffix("~typing.").removesuffix("typing.")
    return without_bounds(before + after[:comma] + after[end:])


def shorten(
    _app: Sphinx,
    what: str,
    _name: str,
    _obj: object,
    _options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str, str | None] | None:
    """Answer Sphinx's event with a shorter signature and annotation of what is returned; modules have none."""
    if what == "module" or signature is None:
        return None
    return without_bounds(signature), None if returned is None else without_bounds(returned)


def add_drawings(app: Sphinx) -> None:
    """Take Mermaid's script into the site, so that drawings need no network.

    Raises:
        ConfigError: ``make docs`` did not put it into ``build/mermaid``.
    """
    if not MERMAID.is_file():
        raise ConfigError(f"there is no {MERMAID}; run `make docs`, which fetches it from npm")
    app.config.html_static_path.append(str(MERMAID))
    app.add_js_file("mermaid.min.js", loading_method="defer")
    app.add_js_file("drawings.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register what the pages use beyond Markdown."""
    app.add_directive("mermaid", Mermaid)
    app.add_directive("room", Room)
    app.connect("builder-inited", add_drawings)
    app.connect("autodoc-process-signature", shorten)
