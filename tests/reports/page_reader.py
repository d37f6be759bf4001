"""A page read as a browser would: its elements, attributes and words."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Collects tags, attributes, ids and text, and checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.tags.append(tag)
        self.attributes.extend((tag, name, value or "") for name, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        """An element ends; it must be the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text outside style and script."""
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def values(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [value for _, found, value in self.attributes if found == name]

    def words(self) -> str:
        """All text, spaces told once."""
        return " ".join("".join(self.text).split())

    def assert_inert(self) -> None:
        """Nothing is fetched and nothing runs when the page is opened: no such element, handler or address."""
        assert not {"iframe", "object", "embed", "link", "img", "form", "base"} & set(self.tags)
        for tag, name, value in self.attributes:
            assert not name.startswith("on")
            assert name not in {"src", "srcset", "action", "background", "style", "data", "xlink:href"}, (tag, value)


def parsed(page: str) -> Reader:
    """A page, read to its end."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader
