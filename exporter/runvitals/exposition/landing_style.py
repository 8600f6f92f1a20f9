"""The style of the landing page: light and dark, and one column on a phone."""

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --soft: #59636e; --ground: #ffffff; --card: #f6f8fa;
  --line: #d1d9e0; --bad: #b3261e; --warn: #8a5300; --good: #1a7f37; --link: #0757ba; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9aa5b1; --ground: #0d1117; --card: #161b22;
  --line: #30363d; --bad: #ff8b82; --warn: #f0b35c; --good: #56d364; --link: #79b8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; }
p, ul { margin: .25rem 0; }
ul { padding-left: 1.25rem; }
a { color: var(--link); }
nav a { margin-right: 1rem; }
time, .soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-left: .4rem solid var(--line);
  border-radius: .4rem; padding: .75rem 1rem; margin: .5rem 0; }
.critical, .stale { border-left-color: var(--bad); }
.warning { border-left-color: var(--warn); }
.bad { color: var(--bad); font-weight: 600; }
.warn { color: var(--warn); font-weight: 600; }
.good { color: var(--good); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: .5rem 0; }
  td { display: flex; gap: 1rem; border: 0; padding: .1rem 0; }
  td::before { content: attr(data-label); flex: 0 0 8.5rem; color: var(--soft); }
}
"""
