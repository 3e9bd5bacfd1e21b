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

async function tell() {
  const seen = (await pages()).filter((page) => page.visibilityState === "visible");
  // Whoever looks at a page of ours is told there, or sees it come.
  if (seen.length > 0) return seen.forEach((page) => page.postMessage("courrier"));
  const lang = self.navigator.language.startsWith("en") ? "en" : "fr";
  return self.registration.showNotification(NEWS.title, { body: NEWS[lang], lang, tag: "courrier", renotify: true });
}

// Whatever came with it is not read: what is shown says that there is mail, and nothing else.
self.addEventListener("push", (event) => event.waitUntil(tell()));

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(pages().then(([page]) => page?.focus() ?? self.clients.openWindow("/bureau")));
});
