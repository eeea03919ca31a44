"""What every page of a report is made of: one file, nothing loaded from elsewhere."""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1b1f24;max-width:1080px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;margin:0}h2{font-size:1.25rem;margin:2.2rem 0 .6rem;border-bottom:1px solid #d5d9de}
img{max-width:100%}table{border-collapse:collapse;font-size:.95rem}
th,td{padding:.25rem .8rem;border-bottom:1px solid #e3e6ea;text-align:right}
th:first-child,td:first-child{text-align:left}
pre{background:#f2f5f8;border-radius:.5rem;padding:.6rem 1rem;font-size:.85rem;white-space:pre-wrap}
.facts{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
.fact{background:#f2f5f8;border-radius:.5rem;padding:.6rem 1rem}.fact b{display:block;font-size:1.35rem}
.small{color:#5b6470;font-size:.9rem}.good{color:#007a5a;font-weight:600}.bad{color:#a33;font-weight:600}
"""
_DPI = 110


def document(title: str, parts: Iterable[str]) -> str:
    """Return the whole page."""
    head = f'<meta charset="utf-8"><title>{text(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def facts(named: Mapping[str, str]) -> str:
    """Figures in boxes, each with its name."""
    boxes = (f'<div class="fact"><b>{text(value)}</b>{text(name)}</div>' for name, value in named.items())
    return f'<div class="facts">{"".join(boxes)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML: numbers, our own words, or what has gone through ``text``."""
    top = "".join(f"<th>{text(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def picture(image: str, description: str, words: str) -> str:
    """An image with what it shows, and a caption."""
    caption = f'<p class="small">{text(words)}</p>' if words else ""
    return f'<img alt="{text(description)}" src="{image}">{caption}'


def embedded(figure: Figure) -> str:
    """A figure as the address of an image, which it is itself; closes the figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def text(words: object) -> str:
    """Words as HTML."""
    return html.escape(str(words))
