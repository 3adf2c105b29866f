"""Pure: the few shapes that the pictures are made of, as SVG text. All text is escaped."""

from __future__ import annotations

from html import escape

INK, GREY, PALE = "#1f2328", "#59636e", "#d1d9e0"
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#1a7f37", "#b3261e"  # Okabe and Ito's first two


def picture(width: float, height: float, description: str, *shapes: str) -> str:
    """Return a whole SVG element that scales down with the page.

    Args:
        width: in pixels, at most.
        height: in the same unit.
        description: what a reader who does not see it should know.
        shapes: what it consists of.
    """
    return (
        f'<svg role="img" aria-label="{escape(description)}" viewBox="0 0 {width:g} {height:g}" '
        f'style="width:100%;max-width:{width:g}px;height:auto" '
        f'font-family="system-ui,sans-serif" font-size="13">{"".join(shapes)}</svg>'
    )


def rectangle(
    x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", dash: str = ""
) -> str:
    """Return a rectangle with slightly round corners."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{max(0.0, width):g}" height="{height:g}" rx="3" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="2"{dashed}/>'
    )


def text(
    x: float,
    y: float,
    words: str,
    colour: str = INK,
    anchor: str = "start",
    bold: bool = False,
    size: float = 13,
) -> str:
    """Return one line of text; `anchor` is "start", "middle" or "end"."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{colour}" text-anchor="{anchor}" '
        f'font-size="{size:g}"{weight}>{escape(words)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str = GREY, dash: str = "") -> str:
    """Return a thin line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}" '
        f'stroke-width="1.5"{dashed}/>'
    )


def circle(x: float, y: float, radius: float, fill: str, title: str = "") -> str:
    """Return a disc; `title` shows where the pointer rests."""
    hint = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" fill-opacity="0.7">'
        f"{hint}</circle>"
    )


def png(x: float, y: float, width: float, height: float, data: str) -> str:
    """Return a bitmap whose pixels stay sharp; `data` is its file in base64."""
    return (
        f'<image x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{escape(data)}"/>'
    )
