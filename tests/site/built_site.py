"""A site that is built: its pages, and the faults of their links."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

from tests.site.elements import Element, parse
from tests.site.navigation import HOME, REPOSITORY, ROOT

# What a browser loads, by the attribute that has its address.
_RESOURCES = {"audio": "src", "iframe": "src", "img": "src", "script": "src", "source": "src", "video": "src"}
_LOADED_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "manifest"}


@dataclass
class Site:
    """A folder with a site, and what its build printed."""

    folder: Path
    code: int
    output: str
    _pages: dict[str, tuple[Element, frozenset[str]]] = field(default_factory=dict)

    def addresses(self) -> list[str]:
        """Return the addresses of all pages below that of the site."""
        return [each.relative_to(self.folder).as_posix() for each in sorted(self.folder.rglob("*.html"))]

    def page(self, file: str) -> Element:
        """Return the tree of a page."""
        return self._page(file)[0]

    def _page(self, file: str) -> tuple[Element, frozenset[str]]:
        if file not in self._pages:
            tree = parse((self.folder / file).read_text(encoding="utf-8"))
            names = {each.attributes.get("id", each.attributes.get("name", "")) for each in tree.all()}
            self._pages[file] = tree, frozenset(names)
        return self._pages[file]

    def resources(self, file: str) -> Iterator[str]:
        """Yield the complete addresses of what a browser loads for a page."""
        for element in self.page(file).all(*_RESOURCES, "link"):
            found = element.attributes.get(_RESOURCES.get(element.tag, "href"))
            if element.tag == "link" and not _LOADED_LINKS & set(element.attributes.get("rel", "").split()):
                continue
            if found and not found.startswith("data:"):
                yield urljoin(HOME + file, found)

    def links(self, file: str) -> Iterator[str]:
        """Yield the complete addresses to which a page links."""
        for element in self.page(file).all("a", "area", "link"):
            if "href" in element.attributes:
                yield urljoin(HOME + file, element.attributes["href"])

    def fault(self, link: str) -> str | None:
        """Say what is wrong with a link to this site or into its repository."""
        path, anchor = urldefrag(link)
        in_repository = path.removeprefix(f"{REPOSITORY}/blob/main/")
        if in_repository != path:
            return None if (ROOT / unquote(in_repository)).exists() else f"{link}: no such file in the repository"
        if not path.startswith(HOME):
            return None
        file = unquote(path.removeprefix(HOME).split("?")[0])
        if not file or file.endswith("/"):
            file += "index.html"
        if not (self.folder / file).is_file():
            return f"{link}: no such page"
        if anchor and (not file.endswith(".html") or unquote(anchor) not in self._page(file)[1]):
            return f"{link}: no such anchor"
        return None

    def faults(self, file: str) -> list[str]:
        """Say what is wrong with the links, images and resources of a page."""
        return [fault for each in (*self.links(file), *self.resources(file)) if (fault := self.fault(each))]

    def indexed(self) -> list[str]:
        """Return the complete addresses in the index of the search."""
        index = json.loads((self.folder / "search.json").read_text(encoding="utf-8"))
        return [urljoin(HOME, each["location"]) for each in index["items"]]
