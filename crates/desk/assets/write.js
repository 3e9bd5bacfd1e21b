// Writing: saving while one types, sending by the keyboard, files that are dropped.
import { part, say, swap } from "./base.js";
import { complete } from "./complete.js";
import { settle } from "./rich.js";
import { send } from "./upload.js";

const QUIET = 1500;
const LEAST = 3000;
const form = document.getElementById("lettre");
const state = document.getElementById("etat");
const pieces = document.getElementById("pieces");
const button = (value) => form.querySelector(`button[name="faire"][value="${value}"]`);
let changed = false;
let saving = null;
let stopped = false;
let sent = false;
let last = 0;
let timer;

async function save() {
  changed = false;
  last = Date.now();
  settle();
  const typed = new FormData(form);
  typed.delete("pieces");
  typed.set("faire", "auto");
  try {
    swap(state, await part(form.getAttribute("action"), "draft", typed));
    const { version, jeton } = state.firstElementChild.dataset;
    form.elements.version.value = version;
    form.elements.jeton.value = jeton;
  } catch (refused) {
    changed = true;
    // What another window wrote, or what leaves, is not written over: the form itself says so.
    stopped = [404, 409, 412, 422].includes(refused.status);
    if (stopped) say(refused.sentence);
  }
  saving = null;
  if (changed) later();
}

function later() {
  clearTimeout(timer);
  if (stopped || saving || sent) return;
  timer = setTimeout(() => (saving = save()), Math.max(QUIET, last + LEAST - Date.now()));
}

form.addEventListener("input", (event) => {
  if (event.target === pieces || event.target.id === "quand") return;
  changed = true;
  later();
});

// Who is meant is suggested; who cannot receive is told as soon as an address is finished.
const verdicts = document.getElementById("verdicts");
const FIELDS = ["a", "cc", "cci"];
async function look() {
  const asked = new FormData();
  asked.set("jeton", verdicts.dataset.jeton);
  asked.set("octets", verdicts.dataset.bytes);
  for (const name of FIELDS) asked.set(name, form.elements[name].value);
  try {
    swap(verdicts, await part(verdicts.dataset.to, "chips", asked));
  } catch (refused) {
    say(refused.sentence);
  }
}
for (const name of FIELDS) {
  const field = form.elements[name];
  complete(field, verdicts.dataset.to);
  field.addEventListener("change", look);
  field.addEventListener("input", (event) => /[,;]/.test(event.data ?? "") && look());
}

// The form goes once, and after what is being saved: it says from which version it starts.
form.addEventListener("submit", async (event) => {
  clearTimeout(timer);
  settle();
  if (sent) return event.preventDefault();
  if (saving) {
    event.preventDefault();
    await saving;
    clearTimeout(timer);
    return form.requestSubmit(event.submitter);
  }
  sent = true;
});
window.addEventListener("pageshow", () => (sent = false));

form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(button("envoyer") ?? button("envoyer-tel-quel"));
  }
});

// Enter in a field does not send a letter.
form.addEventListener("keypress", (event) => {
  if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault();
});

// Files go by pieces into the draft, which is kept first; the page then shows them.
async function join() {
  if (!pieces.files.length || sent) return;
  clearTimeout(timer);
  await saving;
  if (changed || form.elements.version.value === "0") await (saving = save());
  if (stopped || changed) return;
  try {
    await send(pieces);
    location.assign(form.getAttribute("action"));
  } catch (stop) {
    say(stop.sentence);
    document.getElementById("coming").replaceChildren();
    pieces.value = "";
  }
}

// With a script one picks files by one button, or drops them.
form.classList.add("scripted");
pieces.labels[0].classList.add("btn");
const carries = (event) => event.dataTransfer?.types.includes("Files");
const over = (is) => form.classList.toggle("dropping", is);
form.addEventListener("dragover", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  over(true);
});
form.addEventListener("dragleave", (event) => form.contains(event.relatedTarget) || over(false));
form.addEventListener("drop", (event) => {
  over(false);
  if (!carries(event)) return;
  event.preventDefault();
  pieces.files = event.dataTransfer.files;
  join();
});
pieces.addEventListener("change", join);
