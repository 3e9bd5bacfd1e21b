// What changes while a list is open: counts in the rail, a word above the list when its folder has something new, how far came what was sent. The list
// itself is read anew by whoever reads it: a page that nobody looks at reads nothing.
const place = document.querySelector("[data-live]");

function count(link, waiting) {
  const [number, heard] = [link.querySelector(".count"), link.querySelector("[data-count]")];
  if (!number || !heard) return;
  number.textContent = waiting;
  heard.textContent = link.closest("[data-words]").dataset.words.replace("#", waiting);
  number.hidden = heard.hidden = waiting === 0;
}

// Rows that somebody waits for. They are asked for again at each change of the BAL: a delivery that settles is one.
async function follow() {
  const waiting = () => [...place.querySelectorAll("[data-sent]")];
  const codes = [...new Set(waiting().map((one) => one.dataset.sent))].slice(0, 100);
  if (!codes.length) return;
  const at = `${place.dataset.live.replace(/direct$/, "suivis")}?de=${codes.join(".")}`;
  const answer = await fetch(at, { headers: { "X-Sceau-Part": "counts" } }).catch(() => null);
  if (!answer?.ok) return;
  const said = [];
  for (const { de, mot, teinte, attend } of await answer.json()) {
    for (const badge of waiting().filter((one) => one.dataset.sent === de)) {
      if (badge.textContent !== mot) said.push(`${badge.closest(".row").querySelector(".row-subject").textContent}, ${mot}`);
      badge.textContent = mot;
      badge.className = `badge ${teinte}`;
      if (!attend) delete badge.dataset.sent;
    }
  }
  const heard = place.querySelector("[data-heard]");
  if (heard && said.length) heard.textContent = said.join(". ");
}

if (place) {
  const changes = new EventSource(place.dataset.live);
  changes.addEventListener("bals", (event) => {
    for (const { bal, attente } of JSON.parse(event.data)) {
      const link = document.querySelector(`.rail a[data-bal="${bal}"]`);
      if (link) count(link, attente);
    }
  });
  // What settled before the stream began, or while it was broken, is told by nobody.
  changes.addEventListener("open", follow);
  changes.addEventListener("compte", (event) => {
    follow();
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
