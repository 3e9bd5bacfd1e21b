// Lists: rows that come while one scrolls, ranges of ticks, acts without leaving the page, messages read beside their list. Without it pages do the same.
import { part, swap, tell, say, Refused } from "./base.js";

const list = () => document.querySelector('[data-part="list"]');
const beside = window.matchMedia("(min-width: 48rem)");
const shown = () => location.pathname.includes("/dossier/");

/** The list as it is now, without what was just said. */
async function fresh() {
  const at = new URL(address, location.href);
  for (const said of ["fait", "dit"]) at.searchParams.delete(said);
  const html = await part(at.href, "list");
  const rows = () => [...list().querySelectorAll(".row")];
  const place = rows().indexOf(document.activeElement?.closest?.(".row"));
  swap(list(), html);
  // Whoever goes by keys stays where the row was: on the one that took its place.
  if (place >= 0) (rows()[place] ?? rows().at(-1))?.querySelector("a.row-link")?.focus();
  watch();
}

/** The address of the list, whatever is read beside it. */
let address = location.href;

// The next rows, when their link comes into sight.
const sight = new IntersectionObserver((seen) => {
  for (const one of seen) if (one.isIntersecting) more(one.target);
});

function watch() {
  sight.disconnect();
  const link = list()?.querySelector("[data-more]");
  if (link) sight.observe(link);
}

async function more(link) {
  sight.unobserve(link);
  try {
    const box = swap(document.createElement("ol"), await part(link.href, "rows"));
    link.closest("li").replaceWith(...box.childNodes);
    watch();
  } catch (refused) {
    say(refused.sentence);
  }
}

// A range of ticks, by Shift.
let last = null;
document.addEventListener("click", (event) => {
  const tick = event.target.closest?.('input[name="u"]');
  if (!tick) return;
  const all = [...list().querySelectorAll('input[name="u"]')];
  if (event.shiftKey && all.includes(last)) {
    const [from, to] = [all.indexOf(last), all.indexOf(tick)].sort((a, b) => a - b);
    for (const one of all.slice(from, to + 1)) one.checked = tick.checked;
  }
  last = tick;
});

// Acts: said in the corner, with the way back; the list is read anew.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || event.defaultPrevented || !new URL(form.action).pathname.endsWith("/agir")) return;
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  try {
    tell(await part(form.action, "told", data));
    // The message that was read is elsewhere now, or not as it was; but for its labels.
    if (form.closest("[data-labels]")) document.dispatchEvent(new CustomEvent("sceau:labels"));
    else form.closest("#lecture")?.replaceChildren();
    await fresh();
  } catch (refused) {
    say(refused.sentence);
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-fresh]")) fresh().catch((refused) => say(refused.sentence));
});
document.addEventListener("sceau:undone", () => fresh().catch((refused) => say(refused.sentence)));

// A message beside its list, where there is room for both.
function mark(link) {
  for (const row of document.querySelectorAll(".row-here")) {
    row.classList.remove("row-here");
    row.querySelector(".row-link").removeAttribute("aria-current");
  }
  const row = link.closest(".row");
  row.classList.add("row-here");
  row.classList.remove("row-new");
  link.setAttribute("aria-current", "true");
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a.row-link");
  if (!link || !beside.matches || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const pane = document.getElementById("lecture");
  if (!pane || !shown()) return;
  event.preventDefault();
  try {
    swap(pane, await part(link.href, "message"));
    pane.dispatchEvent(new CustomEvent("sceau:message", { bubbles: true }));
    mark(link);
    pane.focus();
  } catch (refused) {
    // What is no piece is a page.
    if (refused instanceof Refused && refused.code === "part") return location.assign(link.href);
    say(refused.sentence);
    // It left while it was listed: the list is read anew.
    if (refused.code === "entry.unknown") fresh().catch(() => {});
  }
});

watch();
