// Who is meant by what is typed: suggestions under a field of recipients, by keys and by touch.
import { part, swap } from "./base.js";

const QUIET = 200;
const LEAST = 2;

/** Where what is being typed begins: after the last comma before the caret that stands in no quoted name. */
function begins(text) {
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === '"') quoted = !quoted;
    else if (!quoted && (c === "," || c === ";")) start = at + 1;
  }
  return start;
}

/** Suggests under a field whom the address `to` knows. */
export function complete(input, to) {
  const list = document.createElement("div");
  list.id = `${input.id}-choix`;
  list.className = "completions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  input.after(list);
  const about = { role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-controls": list.id };
  for (const [name, value] of Object.entries(about)) input.setAttribute(name, value);
  let timer;
  let asked = 0;
  let here = -1;

  const typed = () => {
    const before = input.value.slice(0, input.selectionStart);
    const start = begins(before);
    return { start, text: before.slice(start).trim() };
  };
  function show(open) {
    clearTimeout(timer);
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    mark(-1);
    if (!open) {
      asked++;
      list.replaceChildren();
    }
  }
  function mark(at) {
    const options = [...list.children];
    here = at < 0 || !options.length ? -1 : at % options.length;
    options.forEach((option, n) => option.setAttribute("aria-selected", String(n === here)));
    if (here < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", options[here].id);
    options[here].scrollIntoView({ block: "nearest" });
  }
  async function ask() {
    const { text } = typed();
    if (text.length < LEAST) return show(false);
    const mine = ++asked;
    const url = new URL(to, location.href);
    url.searchParams.set("q", text);
    let html;
    try {
      html = await part(url.href, "chips");
    } catch {
      return show(false);
    }
    if (mine !== asked || document.activeElement !== input) return;
    swap(list, html);
    show(list.children.length > 0);
  }
  function pick(option) {
    const { start } = typed();
    const before = input.value.slice(0, start);
    const put = `${before}${before && !before.endsWith(" ") ? " " : ""}${option.dataset.value}, `;
    input.value = put + input.value.slice(input.selectionStart).trimStart();
    input.setSelectionRange(put.length, put.length);
    show(false);
    for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, QUIET);
  });
  input.addEventListener("keydown", (event) => {
    const { key } = event;
    if (list.hidden || event.ctrlKey || event.metaKey) return;
    const count = list.children.length;
    if (key === "ArrowDown") mark(here + 1);
    else if (key === "ArrowUp") mark(here <= 0 ? count - 1 : here - 1);
    else if (key === "Escape") show(false);
    else if ((key === "Enter" || key === "Tab") && here >= 0) {
      pick(list.children[here]);
      if (key === "Tab") return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  // A press keeps the caret where it is.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) pick(option);
  });
  input.addEventListener("blur", () => show(false));
  show(false);
}
