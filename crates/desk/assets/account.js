// The account's pages: a telephone that is made ready, or no longer is.
import { say, worker } from "./base.js";

const place = document.querySelector("[data-install]");
const workers = navigator.serviceWorker;

async function show() {
  const ready = Boolean(await workers.getRegistration("/"));
  place.querySelector("[data-state]").textContent = ready ? place.dataset.ready : place.dataset.absent;
  place.querySelector('[data-do="ready"]').hidden = ready;
  place.querySelector('[data-do="remove"]').hidden = !ready;
}

// The browser offers to install: the button does it.
let offer;
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer = event;
  if (place) place.querySelector('[data-do="install"]').hidden = false;
});
addEventListener("appinstalled", () => {
  if (place) place.querySelector('[data-do="install"]').hidden = true;
});

const acts = {
  install: () => offer.prompt(),
  ready: () => workers.register(worker(), { scope: "/" }).then(() => workers.ready),
  async remove() {
    await (await workers.getRegistration("/"))?.unregister();
    for (const name of await caches.keys()) await caches.delete(name);
  },
};

if (place && workers) {
  place.hidden = false;
  for (const button of place.querySelectorAll("[data-do]")) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await acts[button.dataset.do]();
      } catch {
        say(place.dataset.failed);
      }
      button.disabled = false;
      show();
    });
  }
  show();
}
