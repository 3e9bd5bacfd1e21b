// A browser that is told of new mail: asks it where it is woken, and gives that to the operator. What is sent there holds nothing.
import { say, worker } from "./base.js";

const place = document.querySelector("[data-push]");
const form = place?.querySelector("form[data-key]");
const workers = navigator.serviceWorker;

async function subscribe() {
  await workers.register(worker(), { scope: "/" });
  const { pushManager } = await workers.ready;
  const wish = { userVisibleOnly: true, applicationServerKey: form.dataset.key };
  try {
    return await pushManager.subscribe(wish);
  } catch (refused) {
    // Subscribed under another key: of before, or of somebody else's operator.
    if (refused.name !== "InvalidStateError") throw refused;
    await (await pushManager.getSubscription())?.unsubscribe();
    return pushManager.subscribe(wish);
  }
}

// One that renewed while nobody was signed in, or was ended from elsewhere, is not woken any more.
async function known() {
  const there = await (await workers.getRegistration("/"))?.pushManager.getSubscription();
  if (!there) return;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(there.endpoint)));
  const mark = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const state = place.querySelector("[data-state]");
  if (!document.querySelector(`[data-mark="${mark}"]`)) state.textContent = place.dataset.unknown;
}

if (workers && place) {
  workers.addEventListener("message", (event) => {
    if (event.data === "courrier") place.querySelector("[data-state]").textContent = place.dataset.heard;
  });
}
if (workers && form && window.PushManager) {
  form.hidden = false;
  known();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      // First of all: some browsers ask their user only while the button is still warm.
      if ((await Notification.requestPermission()) === "granted") {
        form.elements.adresse.value = (await subscribe()).endpoint;
        form.submit();
      } else {
        say(place.dataset.denied);
      }
    } catch {
      say(place.dataset.failed);
    }
    button.disabled = false;
  });
} else if (form) {
  place.querySelector("[data-state]").textContent = place.dataset.failed;
}
