"""Reports as one HTML file that needs nothing else: what those of all pages share."""

from __future__ import annotations

import html

STYLE = """body{font-family:system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#16212E}
table{border-collapse:collapse;font-size:.9rem}
td,th{padding:.3rem .7rem;border-bottom:1px solid #D5DEE8;text-align:left}
@media(max-width:50rem){table{display:block;overflow-x:auto}}"""


def html_page(title: str, body: str) -> str:
    """Return a whole page.

    Parameters
    ----------
    title : str
        Plain text.
    body : str
        HTML, in which what others wrote is escaped.
    """
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>"
    )
