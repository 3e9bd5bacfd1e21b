// Ways on under the box in which one searches: a combobox with a list (WAI-ARIA 1.2). Without it a question is asked as it is typed.
import { part, swap } from "./base.js";

const form = document.querySelector("form[data-suggest]");
const [input, box, said] = ["#q", "#suggestions", "[role=status]"].map((css) => form?.querySelector(css));

let timer = 0;
let asked = null;
const ways = () => [...box.querySelectorAll("[role=option]")];
const chosen = () => box.querySelector('[aria-selected="true"]');

function show(open) {
  box.hidden = !open;
  input.setAttribute("aria-expanded", String(open));
  if (!open) choose(null);
}

function choose(way) {
  for (const one of ways()) one.setAttribute("aria-selected", String(one === way));
  if (way) input.setAttribute("aria-activedescendant", way.id);
  else input.removeAttribute("aria-activedescendant");
  way?.scrollIntoView({ block: "nearest" });
}

async function ask() {
  const question = input.value;
  if (asked === question) return show(ways().length > 0);
  asked = question;
  try {
    const html = await part(`${form.dataset.suggest}?q=${encodeURIComponent(question)}`, "chips");
    // What was typed meanwhile is asked for by itself.
    if (asked !== question || document.activeElement !== input) return;
    swap(box, html);
    show(ways().length > 0);
    said.textContent = ways().length ? said.dataset.words.replace("#", ways().length) : "";
  } catch {
    // Whoever searches is told when the search itself fails.
    show(false);
  }
}

function take(way) {
  show(false);
  if (way.dataset.to) return location.assign(way.dataset.to);
  input.value = way.dataset.question;
  input.focus();
  if ("whole" in way.dataset) form.requestSubmit();
  else ask();
}

if (form) {
  // A field of this type may be no combobox.
  input.type = "text";
  for (const [name, value] of [["enterkeyhint", "search"], ["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", box.id], ["aria-expanded", "false"], ["autocomplete", "off"]]) {
    input.setAttribute(name, value);
  }
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  };
  input.addEventListener("input", soon);
  input.addEventListener("focus", soon);
  input.addEventListener("blur", () => show(false));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = ways();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !box.hidden) {
      // Beyond either end one is in the box again.
      choose([null, ...all].at((all.indexOf(chosen()) + 1 + step) % (all.length + 1)));
    } else if (step) {
      ask();
    } else if (event.key === "Enter" && chosen()) {
      take(chosen());
    } else if (event.key === "Escape" && !box.hidden) {
      show(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  // The box keeps the focus.
  box.addEventListener("mousedown", (event) => event.preventDefault());
  box.addEventListener("click", (event) => {
    const way = event.target.closest("[role=option]");
    if (way) take(way);
  });
}
