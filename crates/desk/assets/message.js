// A message: its frame as high as one likes; its conversation unfolded in place; pictures and PDF in a dialog beside the text. Everything works without.
import { part, say, swap } from "./base.js";
import "./shared.js";

function dress(root) {
  for (const button of root.querySelectorAll("[data-grow][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const frame = button.closest(".letter-one").querySelector("iframe.body");
      frame.classList.toggle("body-whole");
      frame.scrollIntoView({ block: "start" });
    });
  }
  for (const line of root.querySelectorAll("a[data-fold]")) line.setAttribute("aria-expanded", String(Boolean(line.nextElementSibling)));
}

// A line of a conversation: its letter is put below it, then shown and hidden.
document.addEventListener("click", async (event) => {
  const line = event.target.closest?.("a[data-fold]");
  if (!line || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  let letter = line.nextElementSibling;
  if (letter) letter.hidden = !letter.hidden;
  else {
    const at = new URL(line.href);
    at.searchParams.set("fil", "oui");
    try {
      letter = swap(document.createElement("div"), await part(at.href, "message"));
    } catch (refused) {
      if (refused.code === "part") location.assign(line.href);
      else say(refused.sentence);
      return;
    }
    // Asked for twice, it came once.
    if (line.nextElementSibling) return;
    line.after(letter);
    line.classList.remove("fold-new");
    line.querySelector("[data-unread]")?.remove();
    dress(letter);
  }
  line.setAttribute("aria-expanded", String(!letter.hidden));
});

// A preview: the same address as the link, in a frame of its own.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !matchMedia("(min-width: 48rem)").matches) return;
  event.preventDefault();
  const dialog = Object.assign(document.createElement("dialog"), { className: "dialog dialog-view" });
  const frame = Object.assign(document.createElement("iframe"), { src: link.href, title: link.textContent });
  const close = document.createElement("form");
  close.method = "dialog";
  close.append(Object.assign(document.createElement("button"), { className: "btn", textContent: "×" }));
  close.firstChild.setAttribute("aria-label", document.querySelector("[data-close]")?.dataset.close ?? "×");
  dialog.append(close, frame);
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
});

// Its labels, once one was given, taken away or given back: asked for anew, without reading it again.
async function labels() {
  const box = document.querySelector("[data-labels]");
  if (!box) return;
  const inside = box.contains(document.activeElement);
  try {
    swap(box, await part(box.dataset.labels, "chips"));
  } catch {
    // It stands there no more: the list says so.
    return;
  }
  if (inside) box.querySelector("summary")?.focus();
}
document.addEventListener("sceau:labels", labels);
document.addEventListener("sceau:undone", labels);

// A list puts messages into its pane.
document.addEventListener("sceau:message", (event) => dress(event.target));
dress(document);
