// Tables: a choice acts at once, an order and the next rows come without leaving the page. Everything is a link or a form without it.
import { part, swap } from "./base.js";

const place = document.getElementById("liste");

async function show(url, keep) {
  try {
    swap(place, await part(url, "table"));
    if (keep) history.pushState(null, "", url);
    place.focus({ preventScroll: true });
  } catch {
    location.assign(url);
  }
}

const form = document.querySelector("form[data-finds]");
if (form && place) {
  const asked = () => {
    const url = new URL(form.action);
    for (const [name, value] of new FormData(form)) if (value) url.searchParams.set(name, value);
    return url.href;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(asked(), true);
  });
  form.addEventListener("change", (event) => event.target instanceof HTMLSelectElement && show(asked(), true));
  place.addEventListener("click", (event) => {
    const link = event.target.closest("thead a, a[rel=next]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.href, true);
  });
  addEventListener("popstate", () => show(location.href, false));
}
