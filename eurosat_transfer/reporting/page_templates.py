"""The templates of pages, with the rules that all of them share."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from eurosat_transfer.reporting.markdown import escape_name, escape_tags


def page_templates() -> Environment:
    """Open the folder of the templates. Texts from outside, such as names of classes, are escaped in HTML.

    Returns:
        The environment, with the filters `markdown` and `name` for Markdown, where the template has to escape. A
        variable that is missing is an error.
    """
    templates = Environment(
        loader=PackageLoader("eurosat_transfer.reporting"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"markdown": escape_tags, "name": escape_name}
    return templates
