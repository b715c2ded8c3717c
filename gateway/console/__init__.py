"""Pages for people: plain files, served as they are, with nothing from any other host."""

from gateway.console.pages import HEADERS, Page, page

__all__ = ["HEADERS", "Page", "page"]
