//! An authenticator in a few lines: keys of P-256, answers as browsers write them, each part of which a test may spoil.
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 32],
    handle: String,
    pub count: u32,
    /// How much the counter grows at each use.
    pub step: u32,
    pub origin: String,
    pub party: Option<String>,
    pub verified: bool,
}

fn b64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// A CBOR byte string of 24 to 65,535 octets.
fn octets(bytes: &[u8]) -> Vec<u8> {
    let mut out = match u8::try_from(bytes.len()) {
        Ok(short) => vec![0x58, short],
        Err(_) => [&[0x59][..], &u16::try_from(bytes.len()).unwrap().to_be_bytes()].concat(),
    };
    out.extend_from_slice(bytes);
    out
}

impl Authenticator {
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let mut id = [0; 32];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        let (handle, origin) = (String::new(), "https://mss.alpha.fr".to_owned());
        Self { key, id, handle, count: 0, step: 1, origin, party: None, verified: true }
    }
    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let all = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        all.to_string().into_bytes()
    }
    fn data(&self, party: &Value, more: u8) -> Vec<u8> {
        let party = self.party.as_deref().or(party.as_str()).unwrap();
        let flags = 0x01 | if self.verified { 0x04 } else { 0 } | more;
        [&sha256(party.as_bytes())[..], &[flags], &self.count.to_be_bytes()].concat()
    }
    /// Answers what a page asks of `navigator.credentials.create`.
    pub fn create(&mut self, options: &Value) -> String {
        self.handle = options["user"]["id"].as_str().unwrap().to_owned();
        let public = self.key.public_key().as_ref();
        let (x, y) = public[1..].split_at(32);
        // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        let cose = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21][..], &octets(x), &[0x22], &octets(y)].concat();
        let attested = [&[0; 16][..], &32u16.to_be_bytes(), &self.id, &cose].concat();
        let data = [self.data(&options["rp"]["id"], 0x40), attested].concat();
        let object = [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData"[..], &octets(&data)].concat();
        let client = self.client_data("webauthn.create", &options["challenge"]);
        let response =
            json!({ "clientDataJSON": b64(&client), "attestationObject": b64(&object), "transports": ["internal"] });
        json!({ "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "response": response, "clientExtensionResults": {} })
            .to_string()
    }
    /// Answers what a page asks of `navigator.credentials.get`.
    pub fn get(&mut self, options: &Value) -> String {
        self.count += self.step;
        let data = self.data(&options["rpId"], 0);
        let client = self.client_data("webauthn.get", &options["challenge"]);
        let signed = [&data[..], &sha256(&client)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({ "clientDataJSON": b64(&client), "authenticatorData": b64(&data), "signature": b64(signature.as_ref()),
                               "userHandle": self.handle });
        json!({ "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "response": response, "clientExtensionResults": {} })
            .to_string()
    }
}
