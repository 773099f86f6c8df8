"""How a page looks: calm on a screen by day and night, black on white on paper."""

import re

from proxyless_nas.drawing.palette import palette_css

LIGHT = """
  --paper: #fff; --ink: #1d2733; --quiet: #5b6775; --rule: #d7dce2; --grid: #e8ebef;
  --card: #f5f7f9; --searched: #d1490c; --hand: #0b5fa5; --random: #7a8694; --goal: #13745a;
  --first: #0b5fa5; --second: #d1490c; --third: #13745a; --fourth: #8f2a68;
  --band: rgba(19, 116, 90, .10); --warm: rgba(90, 103, 117, .09); --veil: rgba(255, 255, 255, .6);
"""
DARK = """
  --paper: #14191f; --ink: #e4e9ee; --quiet: #9aa6b2; --rule: #36404b; --grid: #262e37;
  --card: #1c232b; --searched: #ff8a4c; --hand: #62aef0; --random: #8f9baa; --goal: #52c9a4;
  --first: #62aef0; --second: #ff8a4c; --third: #52c9a4; --fourth: #e08cbf;
  --band: rgba(82, 201, 164, .14); --warm: rgba(154, 166, 178, .12);
  --veil: rgba(20, 25, 31, .6);
"""
PAGE = """
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 0 0 10px; }
section { margin-top: 24px; padding-top: 26px; border-top: 1px solid var(--rule); }
h1, h2, p, figcaption, .pairs td, .card { overflow-wrap: anywhere; }
td.words { white-space: nowrap; }
header p { margin: 0; }
p { margin: 0 0 10px; }
.lede { font-size: 1.06rem; max-width: 78ch; }
.quiet, figcaption { color: var(--quiet); font-size: .9rem; }
.caption { max-width: 90ch; }
.note { color: var(--quiet); font-style: italic; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(172px, 1fr)); gap: 12px; }
.card { background: var(--card); border-radius: 8px; padding: 12px 14px; line-height: 1.35; }
.figure { font-size: 1.6rem; font-weight: 650; margin: 3px 0; font-variant-numeric: tabular-nums; }
figure { margin: 0 0 18px; min-width: 0; }
figcaption { margin-bottom: 6px; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px 32px; }
.trio { display: grid; grid-template-columns: repeat(auto-fit, minmax(290px, 1fr)); gap: 8px 24px; }
.panels {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(176px, 1fr)); gap: 4px 16px;
  margin-bottom: 14px;
}
.panels figcaption { font-size: .82rem; margin: 0 0 2px; }
.panels strong { color: var(--ink); }
.panels figcaption { line-height: 1.3; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: .88rem; }
.legend span { display: inline-flex; align-items: center; gap: 6px; }
svg { display: block; width: 100%; height: auto; overflow: visible; font-size: 12.5px; }
svg.key { width: 16px; height: 16px; flex: none; }
.narrow { display: none; }
"""
MARKS = """
text { fill: var(--ink); }
.tick, .name, .shape { font-size: 12px; }
.tick, .name { fill: var(--quiet); }
.shape, .tick { font-variant-numeric: tabular-nums; }
.axis { stroke: var(--quiet); }
.grid { stroke: var(--grid); }
.label { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.searched { fill: var(--searched); }
.hand-made { fill: var(--hand); }
.first { fill: var(--first); }
.second { fill: var(--second); }
.third { fill: var(--third); }
.fourth { fill: var(--fourth); }
.quiet { fill: var(--quiet); }
.random { fill: var(--random); }
.hollow { fill: var(--paper); stroke-width: 1.6; }
.random.hollow { stroke: var(--random); }
.second.hollow { stroke: var(--second); }
.small { r: 3px; opacity: 0.6; }
.searched.hollow { stroke: var(--searched); }
.hand-made.hollow { stroke: var(--hand); }
polygon.searched, circle.hand-made, circle.first { stroke: var(--paper); stroke-width: 1.2; }
.searched-text { fill: var(--searched); font-weight: 700; }
.line, .dashed, .target, .diagonal, .flow, .arc { fill: none; }
.line { stroke-width: 2; stroke-linejoin: round; }
.line.thin { stroke-width: 1.4; }
.hand-made-line { stroke: var(--hand); }
.first-line { stroke: var(--first); }
.second-line { stroke: var(--second); stroke-dasharray: 7 2; }
.third-line { stroke: var(--third); stroke-dasharray: 2 2; }
.fourth-line { stroke: var(--fourth); stroke-dasharray: 9 3 2 3; }
.goal-line, .target { stroke: var(--goal); stroke-width: 1.6; stroke-dasharray: 5 4; }
.quiet-line, .diagonal { stroke: var(--quiet); stroke-width: 1.3; stroke-dasharray: 4 4; }
.first-text { fill: var(--first); }
.second-text { fill: var(--second); }
.third-text { fill: var(--third); }
.fourth-text { fill: var(--fourth); }
.goal-text, .target-text { fill: var(--goal); }
.quiet-text { fill: var(--quiet); }
.band { fill: var(--band); }
.warm-up { fill: var(--warm); }
.veil { fill: var(--veil); }
.area { stroke: var(--paper); stroke-width: .8; stroke-linejoin: round; }
.flow { stroke: var(--quiet); stroke-width: 1.6; }
.arc { stroke: var(--quiet); stroke-width: 1.1; }
.block.fixed { fill: #dfe3e8; }
.share { fill: var(--random); }
text.on { font-size: 12px; }
.on-light { fill: #16202b; }
.on-dark { fill: #fff; }
.stride { fill: var(--searched); font-size: 12px; font-weight: 700; }
"""
TABLES_AND_PAPER = """
.scroll { overflow-x: auto; margin-bottom: 10px; }
table { border-collapse: collapse; font-size: .86rem; width: 100%; }
th, td { padding: 5px 8px; border-bottom: 1px solid var(--grid); text-align: left; }
thead th {
  color: var(--quiet); font-weight: 600; border-color: var(--rule); vertical-align: bottom;
}
th.figures, td.figures { text-align: right; }
td.figures { white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.strong td { font-weight: 700; }
.pairs { align-self: start; }
.pairs th { color: var(--quiet); font-weight: 400; width: 34%; vertical-align: top; }
pre {
  background: var(--card); border-radius: 8px; padding: 12px 14px; margin: 0 0 14px;
  font: .84rem/1.5 ui-monospace, Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
@media screen and (max-width: 620px) {
  main { padding: 20px 14px 40px; }
  h1 { font-size: 1.5rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .pair { grid-template-columns: minmax(0, 1fr); }
  .cards { grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); }
  .figure { font-size: 1.35rem; }
  .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 2px 12px; }
}
@page { size: A4; margin: 14mm; }
@media print {
  html { font-size: 13px; }
  body { font-size: 10pt; }
  td.words { white-space: normal; overflow-wrap: break-word; }
  td.words + td.words { white-space: nowrap; }
  .pair .wide { display: none; }
  .pair .narrow { display: block; }
  .trio { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  main { max-width: none; padding: 0; }
  section { margin-top: 12px; padding-top: 14px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, .caption, .legend, figcaption { break-after: avoid; }
  figure, .card, tr, pre, .opening, .panels { break-inside: avoid; }
  .opening { break-after: avoid; }
  p { orphans: 3; widows: 3; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  table { font-size: 7.2pt; }
  th, td { padding: 3px 4px; }
  .pairs, .pair table { font-size: 8.5pt; }
  .panels { grid-template-columns: repeat(4, 1fr); gap: 2px 12px; }
  .cards { grid-template-columns: repeat(5, 1fr); gap: 8px; }
  .card { padding: 8px 10px; }
  .figure { font-size: 14pt; }
}
"""


def style() -> str:
    """The whole style sheet of a page."""
    light = f":root {{ color-scheme: light;{LIGHT}}}"
    dark = f":root {{ color-scheme: dark;{DARK}}}"
    night = f"@media screen and (prefers-color-scheme: dark) {{ {dark} }}"
    return "\n".join((light, night, PAGE, MARKS, TABLES_AND_PAPER, palette_css()))


def picture_style() -> str:
    """The rules of a picture that stands alone, by day; many viewers know no variables."""
    colours = dict(re.findall(r"(--\w+): ([^;]+);", LIGHT))
    filled = re.sub(r"var\((--\w+)\)", lambda match: colours[match[1]], MARKS)
    font = "text { font-family: system-ui, 'Segoe UI', Roboto, Arial, sans-serif; }"
    edgeless = ".label { stroke: none; }"  # some viewers paint the edge over the letters
    return "\n".join((font, "svg { font-size: 12.5px; }", filled, edgeless, palette_css()))
