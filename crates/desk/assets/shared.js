// What others do with the message that is open, told as it happens: who answers it, who has answered, how far it came. A hint: whatever fails is not told,
// and the page works without it.
import { part, swap } from "./base.js";

let stream = null;
const place = () => document.querySelector("[data-direct]");

function say(where, people) {
  const line = (textContent) => Object.assign(document.createElement("p"), { className: "note-banner banner-wait", textContent });
  const words = [...where.children].map((one) => one.textContent);
  // Said once: the same words again would be heard again.
  if (words.join("\n") !== people.join("\n")) where.replaceChildren(...people.map(line));
}

// How far it came: asked for when that is another place than the page shows; what one had unfolded stays so.
async function follow(where, stamp) {
  const [message] = where.dataset.direct.split("/direct");
  const block = document.querySelector(`[data-following^="${message}/suivi"]`);
  if (!block || !stamp || block.querySelector("[data-stamp]").dataset.stamp === stamp) return;
  const box = block.querySelector("[data-part]");
  const name = (fold) => fold.querySelector("summary").firstChild.textContent;
  const open = new Set([...box.querySelectorAll("details[open]")].map(name));
  try {
    swap(box, await part(block.dataset.following, "message"));
  } catch {
    return;
  }
  for (const fold of box.querySelectorAll("details")) fold.open = open.has(name(fold));
  block.querySelector("[role=status]").textContent = box.querySelector("p").textContent;
}

function look() {
  stream?.close();
  stream = null;
  const where = place();
  if (!where || document.hidden) return;
  const own = (stream = new EventSource(where.dataset.direct));
  own.addEventListener("autour", (event) => {
    const { gens, suivi, encore } = JSON.parse(event.data);
    say(where, gens);
    follow(where, suivi);
    if (!encore) own.close();
  });
}

document.addEventListener("visibilitychange", look);
document.addEventListener("sceau:message", look);
addEventListener("pageshow", (event) => event.persisted && look());
addEventListener("pagehide", () => {
  stream?.close();
  const { presence, jeton } = place()?.dataset ?? {};
  if (presence) navigator.sendBeacon(presence, new URLSearchParams({ jeton }));
});
look();
