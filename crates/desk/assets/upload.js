// Files: pieces, progress, taking up again.
const PIECE = 1 << 20;
const PAUSES = [1000, 2000, 5000, 10000, 20000, 30000];
const list = document.getElementById("coming");
const template = document.getElementById("file");

class Stopped extends Error {
  constructor(sentence) {
    super(sentence);
    this.sentence = sentence;
  }
}

/** Asks, and asks again while there is no network. */
async function ask(to, init) {
  for (let tries = 0; ; tries++) {
    let answer;
    try {
      answer = await fetch(to, { method: "POST", credentials: "same-origin", redirect: "error", ...init });
    } catch {
      if (tries >= PAUSES.length) throw new Stopped(list.dataset.lost);
      await new Promise((go) => setTimeout(go, PAUSES[tries]));
      continue;
    }
    if (answer.ok) return answer.json();
    const said = await answer.json().catch(() => ({}));
    throw new Stopped(said.sentence ?? "");
  }
}

async function one(file, input) {
  const line = template.content.cloneNode(true).firstElementChild;
  const bar = line.querySelector("progress");
  line.querySelector("span").textContent = file.name;
  bar.setAttribute("aria-label", file.name);
  list.append(line);
  const about = { jeton: input.dataset.jeton, nom: file.name, sorte: file.type, taille: file.size };
  const headers = { "X-Sceau-Part": "told" };
  let { to, jeton, held } = await ask(input.dataset.to, { headers, body: new URLSearchParams(about) });
  while (held < file.size) {
    const body = file.slice(held, held + PIECE);
    const kind = { "Content-Type": "application/octet-stream", "X-Sceau-Jeton": jeton };
    ({ held } = await ask(`${to}?a=${held}`, { headers: { ...headers, ...kind }, body }));
    bar.value = held / file.size;
  }
}

/** Sends files into a draft that is kept, one after the other; throws with a sentence. */
export async function send(input) {
  for (const file of [...input.files]) await one(file, input);
}
