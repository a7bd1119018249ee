"""Write docs/llms.txt, the list of the documents for programs that read them: each page with its first sentence.

The pages and their order are those of zensical.toml; the form is https://llmstxt.org's.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def text() -> str:
    """What docs/llms.txt is to say."""
    with (ROOT / "zensical.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    lines = [
        f"# {project['site_name']}",
        "",
        f"> {project['site_description']}",
        "",
        sentence("index.md", all_of_it=True),
        "",
    ]
    for entry in project["nav"]:
        ((title, inner),) = entry.items()
        lines += [f"## {title}", "", *pages(title, inner), ""]
    return "\n".join(lines)


def pages(title: str, inner: Any) -> Iterator[str]:
    """One line for each page; links are beside this file, in the repository as in the site."""
    if isinstance(inner, str):
        yield f"- [{title}]({inner}): {sentence(inner)}"
        return
    for entry in inner:
        for name, page in entry.items():
            yield from pages(name, page)


def sentence(page: str, *, all_of_it: bool = False) -> str:
    """The first sentence of a page's first paragraph, or all of it."""
    for paragraph in (DOCS / page).read_text(encoding="utf-8").split("\n\n"):
        flat = " ".join(paragraph.split())
        if not flat or flat.startswith(("#", "<!--", "|", "```", "!!!", "- ", ":::")):
            continue
        flat = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", flat)
        return flat if all_of_it else re.split(r"(?<=[.:])\s", flat, maxsplit=1)[0].rstrip(":")
    raise ValueError(f"docs/{page} has no paragraph to take a sentence from")


def main() -> int:
    """Write it; 1 where a page is in no list of the site's."""
    said = text()
    lost = [
        name
        for name in (str(page.relative_to(DOCS)) for page in sorted(DOCS.rglob("*.md")))
        if f"]({name})" not in said
    ]
    for name in lost:
        print(f"docs/{name} is not in the nav of zensical.toml", file=sys.stderr)
    (DOCS / "llms.txt").write_text(said, encoding="utf-8")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
