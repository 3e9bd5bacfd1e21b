// What a page without network needs, and nothing else: never mail, never a page of somebody, never an answer to a question.
const FILES = ["/hors-ligne" /* files */];
const KEPT = `sceau /* version */ ${FILES.join(" ")}`;

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
