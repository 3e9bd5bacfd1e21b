// Who answers at this moment: says it while an answer is being written, and shows who else does. A hint: whatever fails is not told.
import { part, swap } from "./base.js";

const place = document.querySelector("[data-presence]");
if (place) {
  const said = (repond) => new URLSearchParams({ repond, jeton: place.dataset.jeton });
  const again = async () => {
    if (document.hidden) return;
    try {
      const html = await part(place.dataset.presence, "told", said("1"));
      // Said once: the same words again would be heard again.
      const next = swap(document.createElement("div"), html);
      if (next.textContent !== place.textContent) place.replaceChildren(...next.childNodes);
    } catch {
      // The next time, or not at all: the page works without it.
    }
  };
  setInterval(again, 20000);
  document.addEventListener("visibilitychange", again);
  addEventListener("pagehide", () => navigator.sendBeacon(place.dataset.presence, said("0")));
}
