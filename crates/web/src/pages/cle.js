// Passkeys on our pages: a form with `data-passkey` holds what the browser is asked (`data-options`, the JSON of WebAuthn Level 3 §5.1.8 and
// §5.1.9); its answer is put into the field `reponse`, and the form is sent. Nothing else is read, written or loaded.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// Browsers of before 2024 lack the functions of Level 3: the same by hand.
const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
function creation(o) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(o);
  const user = { ...o.user, id: bytes(o.user.id) };
  return { ...o, user, challenge: bytes(o.challenge), excludeCredentials: named(o.excludeCredentials) };
}
function request(o) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(o);
  return { ...o, challenge: bytes(o.challenge), allowCredentials: named(o.allowCredentials) };
}
function written(credential) {
  const r = credential.response;
  const response = { clientDataJSON: text(r.clientDataJSON) };
  if (r.attestationObject) {
    response.attestationObject = text(r.attestationObject);
    response.transports = r.getTransports ? r.getTransports() : [];
  } else {
    response.authenticatorData = text(r.authenticatorData);
    response.signature = text(r.signature);
    if (r.userHandle) response.userHandle = text(r.userHandle);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
}

async function answer(form) {
  const options = JSON.parse(form.dataset.options);
  const credential =
    form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: creation(options) })
      : await navigator.credentials.get({ publicKey: request(options) });
  return JSON.stringify(written(credential));
}

function told(form, which) {
  const place = form.querySelector("[role=alert]");
  place.textContent = form.dataset[which] || "";
  place.hidden = false;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (!window.PublicKeyCredential) return told(form, "unsupported");
    button.disabled = true;
    try {
      form.elements.reponse.value = await answer(form);
      form.submit();
    } catch (error) {
      // Whoever pressed the button to sign in and gave up is led back to where there are other means. (Asked for by itself, it may lack a gesture only.)
      if (form.dataset.passkey === "get" && event.submitter) {
        form.elements.reponse.value = "";
        return form.submit();
      }
      // Cancelled, timed out or no such key are one to pages; a key that is registered already is told apart.
      told(form, error.name === "InvalidStateError" ? "known" : "cancelled");
      button.disabled = false;
    }
  });
  // Whoever chose a passkey on the page before has asked already.
  if ("auto" in form.dataset) form.requestSubmit();
}
