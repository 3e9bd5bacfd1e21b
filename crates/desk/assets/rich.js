// Form in a letter: emphasis, lists, quotes, links. The server keeps what an editor makes of it, and makes the plain twin; what is pasted comes as text.
const form = document.getElementById("lettre");
const box = document.getElementById("editeur");
const area = document.getElementById("riche");
const toggle = document.getElementById("mise");
const { riche, forme, texte } = form.elements;
const states = [...box.querySelectorAll("[aria-pressed]")];
const run = (command, value) => document.execCommand(command, false, value);
let on = false;

function show(is) {
  on = is;
  box.hidden = !is;
  texte.closest(".field").hidden = is;
  forme.value = is ? "riche" : "";
  toggle.textContent = is ? toggle.dataset.plain : toggle.dataset.rich;
}

/** Lines of text, those that quote within quotes. */
function fill(text) {
  area.replaceChildren();
  let place = area;
  for (const line of text.trimEnd().split("\n")) {
    const quoted = line.startsWith(">");
    if (quoted && place === area) {
      place = document.createElement("blockquote");
      area.append(place);
    }
    if (!quoted) place = area;
    const words = quoted ? line.replace(/^> ?/, "") : line;
    const one = document.createElement("div");
    one.append(words || document.createElement("br"));
    place.append(one);
  }
}

/** Before anything is sent: what stands in the editor goes into the form. */
export function settle() {
  if (!on) return;
  const writer = new XMLSerializer();
  const written = area.textContent.trim() !== "";
  riche.value = written ? [...area.childNodes].map((node) => writer.serializeToString(node)).join("") : "";
  texte.value = area.innerText;
}

function marks() {
  for (const button of states) button.setAttribute("aria-pressed", String(document.queryCommandState(button.dataset.do)));
}

const changed = () => texte.dispatchEvent(new Event("input", { bubbles: true }));

toggle.addEventListener("click", () => {
  if (on) {
    texte.value = area.innerText;
    riche.value = "";
    show(false);
    texte.focus();
  } else {
    fill(texte.value);
    show(true);
    area.focus();
  }
  changed();
});

// Lines are blocks, and emphasis is an element rather than a style.
area.addEventListener("focus", () => {
  run("defaultParagraphSeparator", "div");
  run("styleWithCSS", false);
}, { once: true });

// The selection stays in the editor while its buttons are pressed.
box.addEventListener("mousedown", (event) => event.target.closest("[data-do]") && event.preventDefault());
box.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  area.focus();
  const what = button.dataset.do;
  if (what === "createLink") {
    const to = prompt(button.dataset.ask, "https://");
    if (to && /^(https?:\/\/.|mailto:.)/i.test(to.trim())) run(what, to.trim());
  } else run(what, what === "formatBlock" ? "blockquote" : undefined);
  marks();
  changed();
});
document.addEventListener("selectionchange", () => on && marks());

const put = (event, carried) => {
  event.preventDefault();
  run("insertText", carried.getData("text/plain"));
};
area.addEventListener("paste", (event) => put(event, event.clipboardData));
area.addEventListener("drop", (event) => event.dataTransfer.types.includes("Files") || put(event, event.dataTransfer));

toggle.parentElement.hidden = false;
show(area.textContent.trim() !== "");
