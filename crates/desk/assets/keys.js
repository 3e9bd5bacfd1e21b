// Single keys, outside of fields. Every one has a button that is seen; whoever chose none has none (the page does not load this file).
const rows = () => [...document.querySelectorAll("a.row-link")];
const here = () => document.activeElement?.closest?.(".row") ?? document.querySelector(".row-here");

function step(by) {
  const all = rows();
  const row = here();
  const at = row ? all.indexOf(row.querySelector("a.row-link")) : -1;
  (all[at < 0 ? 0 : at + by] ?? all[at])?.focus();
}

/** An act on what is ticked, else on the row where one is; on a message's own page on that. */
function act(what) {
  const button = document.querySelector(`[data-list] button[value="${what}"]`);
  if (!button) return go(`.bar-acts button[value="${what}"]`);
  const ticks = [...document.querySelectorAll('input[name="u"]')];
  const own = here()?.querySelector('input[name="u"]');
  if (!ticks.some((tick) => tick.checked) && own) own.checked = true;
  button.click();
}

const go = (css) => document.querySelector(css)?.click();
const answer = (how) => go(`.message > .bar a[href*="&a=${how}"]`);
const places = { i: "boite", s: "envoye", d: "brouillon", t: "corbeille" };

const keys = {
  j: () => step(1),
  k: () => step(-1),
  o: () => here()?.querySelector("a.row-link")?.click(),
  x: () => here()?.querySelector('input[name="u"]')?.click(),
  e: () => act("archiver"),
  "#": () => act("corbeille"),
  "!": () => act("indesirable"),
  s: () => act("suivre"),
  m: () => act("nonlu"),
  u: () => go(".message-back a"),
  r: () => answer("un"),
  a: () => answer("tous"),
  f: () => answer("transferer"),
  c: () => go(".rail-write a"),
  "/": () => document.getElementById("q")?.focus(),
  z: () => go("form[data-undo] button"),
  "?": () => document.getElementById("touches")?.showModal(),
};

let after = "";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog")) return;
  const place = after === "g" ? places[event.key] : undefined;
  after = event.key;
  const does = place ? () => go(`.rail a[data-use="${place}"]`) : keys[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
