// What a page without network needs, and nothing else: never mail, never a page of somebody, never an answer to a question. And that there is new mail.
const FILES = ["/hors-ligne" /* files */];
const KEPT = `sceau /* version */ ${FILES.join(" ")}`;
const NEWS = /* news */;

self.addEventListener("install", (event) => {
  // Without cookies: what is kept is what anybody sees.
  const files = FILES.map((file) => new Request(file, { credentials: "omit", cache: "reload" }));
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(files)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((n) => n !== KEPT).map((n) => caches.delete(n))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.destination === "document") {
    event.respondWith(fetch(request).catch(() => caches.match("/hors-ligne")));
  } else if (FILES.includes(new URL(request.url).pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match(request.url)));
  }
});

const pages = () => self.clients.matchAll({ type: "window", includeUncontrolled: true });

function show(said, tag) {
  const lang = self.navigator.language.startsWith("en") ? "en" : "fr";
  return self.registration.showNotification(NEWS.title, { body: said[lang], lang, tag, renotify: true });
}

async function tell() {
  const seen = (await pages()).filter((page) => page.visibilityState === "visible");
  // Whoever looks at a page of ours is told there, or sees it come.
  if (seen.length > 0) return seen.forEach((page) => page.postMessage("courrier"));
  return show(NEWS, "courrier");
}

// Whatever came with it is not read: what is shown says that there is mail, and nothing else.
self.addEventListener("push", (event) => event.waitUntil(tell()));

// A browser renews by itself where it is woken. The operator hears of it from here while somebody is signed in; else its person is told, once.
const RENEW = "/compte/telephone/avis/renouveler";
const ASK = { headers: { "X-Sceau-Part": "told" }, redirect: "error" };

async function renew({ oldSubscription: old, newSubscription: given }) {
  try {
    const now = given ?? (await self.registration.pushManager.subscribe(old.options));
    const session = await fetch(`/bureau/session?pour=${RENEW}`, ASK);
    const { words } = await session.json();
    const body = new URLSearchParams({ jeton: words[RENEW], avant: old.endpoint, adresse: now.endpoint });
    const told = await fetch(RENEW, { ...ASK, method: "POST", body });
    if (told.ok) return;
  } catch {
    // No network, nobody signed in, or a browser that does not say where it was.
  }
  await show(NEWS.lost, "avis");
}

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

self.addEventListener("notificationclick", (event) => {
  const { notification } = event;
  notification.close();
  const desk = () => pages().then(([page]) => page?.focus() ?? self.clients.openWindow("/bureau"));
  event.waitUntil(notification.tag === "avis" ? self.clients.openWindow("/compte/telephone") : desk());
});
