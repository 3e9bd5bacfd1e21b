// What changes while a list is open: counts in the rail, and a word above the list when its folder has something new. The list itself is read anew by
// whoever reads it: a page that nobody looks at reads nothing.
const place = document.querySelector("[data-live]");

function count(link, waiting) {
  const [number, heard] = [link.querySelector(".count"), link.querySelector("[data-count]")];
  if (!number || !heard) return;
  number.textContent = waiting;
  heard.textContent = link.closest("[data-words]").dataset.words.replace("#", waiting);
  number.hidden = heard.hidden = waiting === 0;
}

if (place) {
  const changes = new EventSource(place.dataset.live);
  changes.addEventListener("bals", (event) => {
    for (const { bal, attente } of JSON.parse(event.data)) {
      const link = document.querySelector(`.rail a[data-bal="${bal}"]`);
      if (link) count(link, attente);
    }
  });
  changes.addEventListener("compte", (event) => {
    for (const { dossier, attente, suivant } of JSON.parse(event.data)) {
      const link = document.querySelector(`.rail a[data-folder="${dossier}"]`);
      if (link) count(link, attente);
      if (dossier !== place.dataset.folder) continue;
      const shown = Number(place.querySelector("[data-next]")?.dataset.next ?? 0);
      const fresh = place.querySelector("[data-fresh]");
      if (fresh && suivant > shown) fresh.hidden = false;
    }
  });
}
