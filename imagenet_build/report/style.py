"""Pure: how the page looks, on a screen and on A4."""

from __future__ import annotations

from imagenet_build.charts.svg import STYLE as CHART_STYLE

_TEXT = "Charter,'Bitstream Charter','Source Serif 4',Georgia,'Liberation Serif','Times New Roman',serif"
_LABELS = "Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"

STYLE = f"""
:root{{--ink:#1c1c1c;--quiet:#595959;--line:#cfcfcf;--soft:#f4f5f7;--accent:#2b5c8a}}
*{{box-sizing:border-box}}
html{{background:#fff;color:var(--ink);-webkit-text-size-adjust:100%}}
body{{font:17px/1.5 {_TEXT};max-width:62rem;margin:0 auto;padding:2.5rem 1.2rem 4rem;overflow-wrap:break-word}}
h1{{font-size:2rem;line-height:1.2;margin:0 0 .3rem;font-weight:600}}
h2{{font-size:1.35rem;margin:3rem 0 .6rem;padding-top:.7rem;border-top:1px solid var(--line);font-weight:600}}
h3{{font-size:1.08rem;margin:1.8rem 0 .4rem;font-weight:600}}
p{{margin:.5rem 0;max-width:46rem;hyphens:auto}}
a{{color:var(--accent)}}
code,pre{{font:.82em/1.45 'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace}}
code{{background:var(--soft);padding:0 .15em;border-radius:3px}}
td code{{overflow-wrap:anywhere;background:none;padding:0}}
.lead{{color:var(--quiet);margin:0 0 1.4rem}}
.abstract{{border-left:3px solid var(--accent);padding:.1rem 0 .1rem 1.1rem;margin:1.2rem 0;max-width:50rem}}
nav{{font:14px/1.6 {_LABELS};columns:3 14rem;margin:1.6rem 0 0;padding:.8rem 1rem;background:var(--soft)}}
nav ol{{margin:0;padding-left:1.3rem}}
nav a{{color:inherit}}
figure{{margin:1.5rem 0;break-inside:avoid}}
figcaption,caption{{font:14px/1.45 {_LABELS};color:#333;text-align:left;max-width:50rem}}
figcaption{{margin-top:.5rem}}
caption{{padding-bottom:.4rem;caption-side:top}}
.pair{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:0 2.2rem;align-items:start}}
.chart{{display:block;width:100%;height:auto}}
.narrow .chart{{max-width:31rem}}
.said{{display:block;max-width:min(50rem,calc(100vw - 2rem))}}
.pair figure p,figure .pair p{{font:14px/1.4 {_LABELS};margin:0 0 .4rem}}
.wide{{overflow-x:auto}}
.wide .chart{{min-width:40rem}}
table{{border-collapse:collapse;font:14px/1.4 {_LABELS};margin:1.3rem 0;font-variant-numeric:tabular-nums}}
table.full{{width:100%}}
th,td{{padding:.22rem .6rem .22rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #e6e6e6}}
thead th,thead td{{border-bottom:1.5px solid var(--ink);font-weight:600;vertical-align:bottom}}
tbody th{{font-weight:400}}
tbody tr:last-child>*{{border-bottom:1.5px solid var(--ink)}}
td.n,th.n{{text-align:right;padding-left:.6rem}}
td.n{{white-space:nowrap}}
td.bar{{width:30%;min-width:5rem;vertical-align:middle}}
td.bar .chart{{max-height:11px}}
.scroll{{overflow-x:auto}}
.quiet{{color:var(--quiet)}}
.branch{{display:flex;gap:.45rem;margin:.5rem 0 0;flex-wrap:wrap}}
.branch div{{flex:1 1 7rem;max-width:9.5rem;min-width:0;font:12.5px/1.35 {_LABELS}}}
.branch img{{display:block;width:100%;height:auto;border:1px solid var(--line)}}
.branch span,.averages span{{display:block;color:var(--quiet)}}
.strips img{{display:block;width:100%;max-width:33rem;height:auto}}
.averages{{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.2rem,1fr));gap:.8rem}}
.averages div{{font:12.5px/1.35 {_LABELS};min-width:0}}
.averages img{{display:block;width:100%;max-width:7rem;height:auto;border:1px solid var(--line)}}
details{{margin:1rem 0}}
summary{{cursor:pointer;font:14px/1.5 {_LABELS}}}
footer{{margin-top:3rem;border-top:1px solid var(--line);padding-top:.6rem;color:var(--quiet);font:14px/1.5 {_LABELS}}}
@media(max-width:40rem){{
body{{font-size:16px;padding:1.2rem .9rem 3rem}}h1{{font-size:1.55rem}}h2{{margin-top:2.2rem}}
nav{{columns:1}}
.strips,.strips tbody,.strips tr,.strips th,.strips td{{display:block}}.strips thead{{display:none}}
.strips tr{{display:grid;grid-template-columns:2rem 1fr auto;border-bottom:1px solid #e6e6e6;padding:.4rem 0}}
.strips tbody tr>*{{border:0}}.strips td:last-child{{grid-column:1/-1}}
.branch div{{flex-basis:30%;max-width:32%}}
}}
@page{{size:A4;margin:17mm 16mm}}
@media print{{
body{{font-size:10.2pt;line-height:1.4;max-width:none;padding:0}}
h1{{font-size:19pt}}h2{{font-size:13pt;margin-top:1.6rem;break-after:avoid}}h3{{break-after:avoid}}
figcaption,caption,table,nav,summary{{font-size:8.6pt}}
.pair{{grid-template-columns:1fr 1fr;gap:0 1.4rem}}
.wide,.scroll{{overflow:visible}}.wide .chart{{min-width:0}}
.averages{{grid-template-columns:repeat(8,1fr);gap:.4rem}}
.branch{{flex-wrap:nowrap}}.branch div,.averages div{{font-size:7.4pt}}
tr,table.short{{break-inside:avoid}}caption,thead{{break-after:avoid}}thead{{display:table-header-group}}
a{{color:inherit;text-decoration:none}}
details.all{{display:none}}
}}
{CHART_STYLE}
"""
