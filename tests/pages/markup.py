"""Texts from a grammar of Markdown and HTML, each of which tries to run or to load something."""

from __future__ import annotations

import random

HOST = "http://fuzz.test"


def text(number: int, rng: random.Random) -> str:
    """Return one text; what runs calls `pwn(number)`, what loads asks for `/seen/number`."""
    pieces = [_piece(rng, rng.randrange(1, 4)) for _ in range(rng.choice((1, 1, 2, 3)))]
    joint = rng.choice(("", " ", "\n", "\n\n"))
    return joint.join(pieces).replace("RUN", f"pwn({number})").replace("URL", f"/seen/{number}")


def _piece(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.25:
        return _broken(rng.choice(_LEAVES), rng)
    return _broken(rng.choice(_AROUND).replace("@", _piece(rng, depth - 1)), rng)


def _broken(piece: str, rng: random.Random) -> str:
    """Return a piece that may be cut off, spelled in another way, or have something put in."""
    way = rng.random()
    if way < 0.10 and len(piece) > 3:
        return piece[: rng.randrange(2, len(piece))]
    if way < 0.16 and len(piece) > 3:
        at = rng.randrange(len(piece))
        return piece[:at] + rng.choice(_NOISE) + piece[at:]
    if way < 0.20:
        return "".join(c.upper() if rng.random() < 0.3 else c for c in piece).replace("PWN", "pwn")
    if way < 0.23:
        return piece.replace("<", rng.choice(("&lt;", "&#60;", "\\<", "< ", "<\t")), 1)
    return piece


_NOISE = (
    *("\n", "\n\n", "\t", "\0", "`", "``", '"', "'", "<", ">", "</", "/>", "<!--", "-->", "--!>"),
    *(
        "&",
        ";",
        "\\",
        "$",
        "$$",
        "|",
        "[",
        "](",
        ")",
        "]]>",
        "<![CDATA[",
        "<?",
        "?>",
        "=",
        " ",
        "\r",
    ),
    *(
        "attachment:",
        "&Tab;",
        "&#x0a;",
        "\u2028",
        "\ufeff",
        "\ufe64",
        "\uff1c",
        "<a",
        "<p ",
        "x=\"'",
    ),
)
_EVENTS = ("onerror", "onload", "ontoggle", "onfocus autofocus tabindex=0 onblur", "onclick",
           "onanimationstart", "onmouseover", "onbegin", "onpointerenter")  # fmt: skip
_LEAVES = (
    "plain",
    *(f"<img src=x {event}=RUN>" for event in _EVENTS[:3]),
    *(f'<img src="URL" {event}="RUN" ' for event in _EVENTS[:2]),
    *(f"<svg {event}=RUN>" for event in ("onload", "onclick")),
    "<svg><script>RUN</script></svg>",
    "<svg><animate onbegin=RUN attributeName=x dur=1s>",
    "<script>RUN</script>",
    "<script src=URL></script>",
    "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
    "<iframe src='javascript:parent.RUN'></iframe>",
    "<object data=URL></object>",
    "<embed src=URL>",
    "<video src=URL poster=URL><source onerror=RUN></video>",
    "<audio src=URL onerror=RUN>",
    "<input autofocus onfocus=RUN>",
    "<details open ontoggle=RUN>",
    "<body onload=RUN>",
    "<link rel=stylesheet href=URL>",
    "<style>@import 'URL'; * {background: url(URL)}</style>",
    "<meta http-equiv=refresh content='0;url=URL'>",
    "<base href=URL>",
    "<p style=\"background:url('URL')\">x</p>",
    "<p style='cursor:url(URL),auto;list-style:url(URL)'>x</p>",
    "<table background=URL><td background=URL>",
    "<form action=URL><input type=submit></form>",
    "<a href='javascript:RUN'>x</a>",
    "<a href=URL ping=URL>x</a>",
    "[x](javascript:RUN)",
    "[x](<javascript:RUN>)",
    "[x](java&Tab;script:RUN 'title')",
    "<javascript:RUN>",
    "![x](URL)",
    "![x](URL 'a\"onerror=RUN x=\"')",
    '![a"onerror="RUN](x)',
    "![x](attachment:x\"onerror='RUN')",
    "![x](attachment:none.png)",
    "[x]: URL\n![x]",
    "<http://fuzz.test/seen/<img src=x onerror=RUN>>",
    "# <img src=x onerror=RUN>",
    "$\\href{javascript:RUN}{x}$",
    "<math href=javascript:RUN>x</math>",
    "<isindex action=javascript:RUN>",
    "<marquee onstart=RUN>",
    "<div class=full-credit id=score name=x>",
    "<noscript><img src=x onerror=RUN></noscript>",
    "<template><img src=x onerror=RUN></template>",
    "<image src=x onerror=RUN>",
    "<img srcset='URL 1x'>",
)
_AROUND = (
    "@",
    "`@`",
    "`attachment:`@",
    "`attachment:` @ `attachment:`",
    "**@**",
    "*@*",
    "~~@~~",
    "> @",
    "- @",
    "1. @",
    "- [x] @",
    "# @",
    "    @",
    "```\n@\n```",
    "```html\n@\n```",
    "```mermaid\n@\n```",
    "```x'\"@\n1\n```",
    "~~~@\n@",
    "| a |\n|---|\n| @ |",
    "term\n: @",
    "$@$",
    "$$@$$",
    "\\\\(@\\\\)",
    "\\begin{a}@\\end{a}",
    "\\begin{@}x\\end{@}",
    "[@](https://x.org)",
    "[x](@)",
    "![@](x)",
    "![x](attachment:@)",
    '[x](y "@")',
    "[x]: @",
    "<@>",
    "<!-- @ -->",
    "<!--@",
    "<!--> @ -->",
    "<![CDATA[@]]>",
    "<?@?>",
    "<!@>",
    "<p title='@'>x</p>",
    '<a title="@" href="https://x.org">x</a>',
    "<p title=@",
    "<div @",
    "</div @>",
    "<details><summary>@</summary>@</details>",
    "<table><tr><td>@</td></tr></table>",
    "<table>@",
    "<select>@</select>",
    "<option>@",
    "<pre>@</pre>",
    "<code>@</code>",
    "<textarea>@</textarea>",
    "<title>@</title>",
    "<style>@</style>",
    "<xmp>@</xmp>",
    "<noscript>@</noscript>",
    "<noscript><p title='</noscript>@'>",
    "<noembed>@</noembed>",
    "<iframe>@</iframe>",
    "<plaintext>@",
    "<svg>@</svg>",
    "<svg><style><a title='</style>@'>",
    "<svg><title>@</title></svg>",
    "<svg><foreignObject>@</foreignObject></svg>",
    "<svg><desc>@</desc></svg>",
    "<math><mtext>@</mtext></math>",
    "<math><mtext><table><mglyph><style><!--</style><p title='--&gt;@'>",
    "<math><annotation-xml encoding='text/html'>@</annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><style></math>@",
    "<b><p>@</b></p>",
    "<a><table><a>@",
    "&lt;@&gt;",
)
