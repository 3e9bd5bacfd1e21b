// Tables: a choice acts at once, an order and the next rows come without leaving the page. Everything is a link or a form without it.
import { part, swap } from "./base.js";

const place = document.getElementById("liste");
const boxes = () => document.querySelectorAll("#liste .table-box");

async function show(url, box, keep) {
  try {
    box.replaceWith(...swap(document.createElement("div"), await part(url, "table")).childNodes);
    if (keep) history.pushState(null, "", url);
    place.focus({ preventScroll: true });
  } catch {
    location.assign(url);
  }
}

if (place && boxes().length) {
  const form = document.querySelector("form[data-finds]");
  form?.addEventListener("submit", (event) => {
    // What is looked for changes every table of a page that has several.
    if (boxes().length > 1) return;
    event.preventDefault();
    const url = new URL(form.action);
    for (const [name, value] of new FormData(form)) if (value) url.searchParams.set(name, value);
    show(url.href, boxes()[0], true);
  });
  form?.addEventListener("change", (event) => event.target instanceof HTMLSelectElement && form.requestSubmit());
  place.addEventListener("click", (event) => {
    const link = event.target.closest("thead a, a[rel=next]");
    const box = link?.closest(".table-box");
    if (!box || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.href, box, true);
  });
  addEventListener("popstate", () => (boxes().length > 1 ? location.reload() : show(location.href, boxes()[0], false)));
}
