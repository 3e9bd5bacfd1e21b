// What every page of the desk and the console shares: pieces of pages, what was done, a session that ended, keys within toolbars.
// Pages are whole without it. Markup is set in one place, from our own answers alone.
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("sceau", {
      createHTML: (html) => html,
      createScriptURL: (url) => {
        if (url === "/sw.js") return url;
        throw new TypeError("not a script of ours");
      },
    })
  : { createHTML: (html) => html, createScriptURL: (url) => url };

/** The address of the one script that a worker is made of. */
export const worker = () => policy.createScriptURL("/sw.js");

/** A refusal: its status, its code, its sentence. */
export class Refused extends Error {
  constructor(status, code, sentence) {
    super(sentence);
    Object.assign(this, { status, code, sentence });
  }
}

/** Puts a piece that `part` answered into an element. */
export function swap(element, html) {
  element.innerHTML = policy.createHTML(html);
  return element;
}

function notice(id) {
  const place = document.getElementById("told");
  const template = document.getElementById(id);
  if (place && template && !place.querySelector(`[data-of="${id}"]`)) {
    const copy = template.content.cloneNode(true);
    copy.firstElementChild.dataset.of = id;
    place.append(copy);
  }
}

function notices(id) {
  document.querySelector(`#told [data-of="${id}"]`)?.remove();
}

/** Asks the address of a page for one of its pieces. `form`: FormData, sent instead of being asked. */
export async function part(url, name, form) {
  const init = { headers: { "X-Sceau-Part": name }, credentials: "same-origin", redirect: "error" };
  if (form) Object.assign(init, { method: "POST", body: new URLSearchParams(form) });
  let answer;
  try {
    answer = await fetch(url, init);
  } catch {
    notice("no-network");
    throw new Refused(0, "network", "");
  }
  notices("no-network");
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 401) notice("session-over");
    throw new Refused(answer.status, said.code ?? "", said.sentence ?? "");
  }
  if (answer.headers.get("X-Sceau-Part") !== name) throw new Refused(answer.status, "part", "");
  notices("session-over");
  return answer.text();
}

// Somebody comes back after the session had ended. The same person goes on, with the words of the new session; to another one the page is shown anew.
async function again() {
  if (!document.querySelector('#told [data-of="session-over"]')) return;
  const forms = [...document.querySelectorAll('form[method="post"]')];
  const path = (form) => new URL(form.getAttribute("action"), location.href).pathname;
  const ask = new URLSearchParams([...new Set(forms.map(path))].map((one) => ["pour", one]));
  let said;
  try {
    const answer = await fetch(`/bureau/session?${ask}`, { headers: { "X-Sceau-Part": "told" }, redirect: "error" });
    if (!answer.ok) return;
    said = await answer.json();
  } catch {
    return;
  }
  if (said.person !== document.documentElement.dataset.person) {
    location.reload();
    return;
  }
  for (const form of forms) {
    const field = form.elements.namedItem("jeton");
    if (field && said.words[path(form)]) field.value = said.words[path(form)];
  }
  notices("session-over");
}
addEventListener("focus", again);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && again());

/** Shows what was done, heard too. It stays until the next one. */
export function tell(html) {
  const place = document.getElementById("told");
  if (place) swap(place, html);
}

/** Says a sentence: a refusal, mostly. */
export function say(sentence) {
  const place = document.getElementById("told");
  if (!place || !sentence) return;
  const box = document.createElement("div");
  box.className = "told told-no";
  box.setAttribute("role", "alert");
  box.append(Object.assign(document.createElement("p"), { textContent: sentence }));
  place.replaceChildren(box);
}

// Taking back from the bar, without leaving the page.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-undo")) return;
  event.preventDefault();
  try {
    tell(await part(form.action, "told", new FormData(form)));
    document.dispatchEvent(new CustomEvent("sceau:undone"));
  } catch (refused) {
    say(refused.sentence);
  }
});

// Arrows move within a toolbar; it is one stop for Tab.
for (const bar of document.querySelectorAll('[role="toolbar"]')) {
  const stops = () => [...bar.querySelectorAll("a[href], button:not([disabled]), summary")].filter((e) => e.offsetParent);
  const only = (one) => stops().forEach((e) => (e.tabIndex = e === one ? 0 : -1));
  only(stops()[0]);
  bar.addEventListener("focusin", (event) => stops().includes(event.target) && only(event.target));
  bar.addEventListener("keydown", (event) => {
    const all = stops();
    const at = all.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = step ? (at + step + all.length) % all.length : { Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    all[to].focus();
  });
}

// A menu closes when one leaves it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest("details.menu[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.menu[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
