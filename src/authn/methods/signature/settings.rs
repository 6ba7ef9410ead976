//! The settings of `signature`: what was typed goes in, a plan that can be put to work comes out, or every fault with
//! the way out.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Plan;
use super::keys::{Algorithm, Grants, Key, Keys, Material};
use super::rfc9421::{self, Cover};
use super::scheme::Scheme;
use super::webhooks::Maker;
use crate::base::secret::Secret;
use crate::config::faults::Code;
use crate::config::node::Span;
use crate::config::settings::{At, Decoding, Field, settings};
use crate::config::values::{List, SecretText, Size, Time, Written, words};

/// HM-03: five minutes both ways.
const MAX_AGE: Duration = Duration::from_secs(300);
/// HM-05.
const BODY_MAX: u64 = 1 << 20;
/// Where a request does not name its key, each of them costs a MAC over the body.
const KEYS_MAX: usize = 8;
/// Of one key: the new one, the old one, and a few that were forgotten.
const SECRETS_MAX: usize = 8;
/// As long as the hash (JWT-11).
const SECRET_LEAST: usize = 32;
/// Who sends webhooks makes the secret up, and some make shorter ones.
const MAKERS_SECRET_LEAST: usize = 16;
/// A PEM file with one key.
const PEM_MAX: u64 = 64 * 1024;

words! {
    enum SchemeWord {
        V1 = "v1",
        Rfc9421 = "rfc9421",
        Github = "github",
        Stripe = "stripe",
        Slack = "slack",
        StandardWebhooks = "standard-webhooks",
    }
}

words! {
    enum ReplayWord {
        Reject = "reject",
        Allow = "allow",
    }
}

settings! {
    /// Requests that their sender signs. The body is read whole and checked before a byte goes on.
    struct Settings as "signature" {
        /// What is signed, and where the signature stands: our own `v1`, HTTP message signatures (`rfc9421`), or the way of
        /// a maker of webhooks.
        required scheme: SchemeWord,
        /// How far the time in a signature may be from now, both ways. `github` signs no time.
        default max_age: Time<1_000, 300_000> = Time(MAX_AGE),
        /// Who may sign. `github`, `stripe`, `slack` and `standard-webhooks` name no key, so all are tried: at most 8.
        required keys: List<KeySettings>,
        /// With `rfc9421`: what a signature must cover besides `@method`, `@target-uri` (or `@path`, `@query` and
        /// `@authority`) and, with a body, `content-digest`. Names of components and of header fields.
        optional cover: List<Written>,
        /// The largest body that is read for checking a signature.
        default body_max: Size<1, 33_554_432> = Size(BODY_MAX),
        /// Whether what was signed once may come again: `reject` is the default, and `allow` with `github`, whose
        /// signatures have neither a time nor a nonce. With `reject` there, a signature is remembered for ten minutes.
        optional replay: ReplayWord,
    }
}

settings! {
    /// A key that signs: `secret`, `secrets` or `public_key`.
    struct KeySettings as "signing key" {
        /// Names the key, and who signs with it.
        required id: Written,
        /// What both sides know: at least 32 bytes, or 16 where a maker of webhooks chose it. `standard-webhooks` has
        /// `whsec_` and base64.
        optional secret: SecretText,
        /// Several while a new one takes the place of an old one.
        optional secrets: List<SecretText>,
        /// With `rfc9421`: a PEM file with the public key of the signer.
        optional public_key: Written,
        /// With `rfc9421`: the algorithm of the key. A secret has `hmac-sha256`; a public key what it is made for, RSA
        /// `rsa-pss-sha512`.
        optional alg: Algorithm,
        /// Roles of who signs.
        optional roles: List<Written>,
        /// Permissions of who signs.
        optional permissions: List<Written>,
        /// Scopes of who signs.
        optional scopes: List<Written>,
    }
}

impl Settings {
    pub(super) fn check(&self, cx: &mut Decoding<'_>) -> Option<Plan> {
        let scheme = *self.scheme.value()?;
        let keys = self.keys(scheme, cx);
        let cover = self.cover(scheme, cx);
        if scheme == SchemeWord::Github
            && let Some(written) = self.max_age.written()
        {
            let message = "`github` signs no time, so no age can be told; leave `max_age` out";
            cx.fault(written.at, Code::KeyConflict, message);
            return None;
        }
        let replay = match &self.replay {
            Field::Bad => return None,
            field => field.value().copied(),
        };
        let allow = replay.map_or(scheme == SchemeWord::Github, |word| word == ReplayWord::Allow);
        let scheme = match scheme {
            SchemeWord::V1 => Scheme::V1,
            SchemeWord::Rfc9421 => Scheme::Rfc9421(cover?),
            SchemeWord::Github => Scheme::Maker(Maker::Github),
            SchemeWord::Stripe => Scheme::Maker(Maker::Stripe),
            SchemeWord::Slack => Scheme::Maker(Maker::Slack),
            SchemeWord::StandardWebhooks => Scheme::Maker(Maker::StandardWebhooks),
        };
        Some(Plan {
            reads: [scheme.reads()],
            keys: Arc::new(keys?),
            max_age: self.max_age.value()?.0,
            body_max: usize::try_from(self.body_max.value()?.0).ok()?,
            rejects_replays: !allow,
            scheme,
        })
    }

    fn cover(&self, scheme: SchemeWord, cx: &mut Decoding<'_>) -> Option<Cover> {
        let Some(written) = self.cover.written() else {
            return self.cover.is_absent().then(Cover::default);
        };
        if scheme != SchemeWord::Rfc9421 {
            let message = "only `rfc9421` lets a signer choose what to cover; leave `cover` out";
            cx.fault(written.at, Code::KeyConflict, message);
            return None;
        }
        if written.value.is_empty() {
            let message = "an empty list asks for nothing; name a component, or leave `cover` out";
            cx.fault(written.at, Code::ValueEmpty, message);
            return None;
        }
        let mut whole = written.value.whole;
        for item in &written.value.items {
            if !rfc9421::cover::is_component(&item.value.text) {
                let message = format!(
                    "`{}` is no component of a request; write `@method`, `@target-uri`, `@authority`, `@scheme`, \
                     `@path`, `@query`, `@request-target`, or a header name in small letters",
                    item.value.shown()
                );
                cx.fault(item.at, Code::ValueWord, message);
                whole = false;
            }
        }
        whole.then(|| Cover::new(texts(&written.value)))
    }

    fn keys(&self, scheme: SchemeWord, cx: &mut Decoding<'_>) -> Option<Keys> {
        let written = self.keys.written()?;
        if written.value.is_empty() {
            let message = "without a key nobody can sign; add one";
            cx.fault(written.at, Code::ValueEmpty, message);
            return None;
        }
        let mut keys = Vec::new();
        let mut whole = written.value.whole;
        let mut shared: Vec<Secret> = Vec::new();
        for item in &written.value.items {
            match item.value.check(scheme, &mut shared, cx) {
                Some(key) => keys.push(key),
                None => whole = false,
            }
        }
        for (place, item) in written.value.items.iter().enumerate() {
            let Some(id) = item.value.id.written() else {
                continue;
            };
            let before = written.value.items.iter().take(place);
            let twice = before
                .filter_map(|other| other.value.id.value())
                .any(|other| other.text == id.value.text);
            if twice {
                let message = format!("a key `{}` stands in the list already; ids differ", id.value.shown());
                cx.fault(id.at, Code::KeyConflict, message);
                whole = false;
            }
        }
        if scheme.names_no_key() && shared.len() > KEYS_MAX {
            let message = format!(
                "a request of this scheme does not name its key, so each of the {} secrets would be tried; at most \
                 {KEYS_MAX} may stand here",
                shared.len()
            );
            cx.fault(written.at, Code::ValueRange, message);
            whole = false;
        }
        whole.then(|| Keys::new(keys))
    }
}

impl SchemeWord {
    fn names_no_key(self) -> bool {
        !matches!(self, Self::V1 | Self::Rfc9421)
    }
}

impl KeySettings {
    /// `shared` are the secrets of the keys before this one.
    fn check(&self, scheme: SchemeWord, shared: &mut Vec<Secret>, cx: &mut Decoding<'_>) -> Option<Key> {
        let id = self.id(cx);
        let (algorithm, material) = self.material(scheme, shared, cx)?;
        let lists = [&self.roles, &self.permissions, &self.scopes];
        if lists.iter().any(|list| list_is_bad(list)) {
            return None;
        }
        let [roles, permissions, scopes] = lists.map(|list| list.value().map(texts).unwrap_or_default());
        Some(Key {
            id: id?,
            algorithm,
            material,
            grants: Grants {
                roles,
                permissions,
                scopes,
            },
        })
    }

    fn id(&self, cx: &mut Decoding<'_>) -> Option<Arc<str>> {
        let id = self.id.written()?;
        let text = &id.value.text;
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        if !plain || text.len() > 128 {
            let message = "the id of a key is 1 to 128 printable characters without spaces, `\"` and `\\`";
            cx.fault(id.at, Code::NameInvalid, message);
            return None;
        }
        Some(Arc::clone(text))
    }

    fn material(
        &self,
        scheme: SchemeWord,
        shared: &mut Vec<Secret>,
        cx: &mut Decoding<'_>,
    ) -> Option<(Algorithm, Material)> {
        let given = [
            !self.secret.is_absent(),
            !self.secrets.is_absent(),
            !self.public_key.is_absent(),
        ];
        match given.iter().filter(|given| **given).count() {
            0 => {
                let message = "the key has no `secret`, no `secrets` and no `public_key`; it needs one of them";
                cx.fault(self.at, Code::KeyMissing, message);
                return None;
            }
            1 => {}
            _ => {
                let message = "`secret`, `secrets` and `public_key` exclude each other; keep one";
                cx.fault(self.at, Code::KeyConflict, message);
                return None;
            }
        }
        if let Some(alg) = self.alg.written()
            && scheme != SchemeWord::Rfc9421
        {
            let message = "only `rfc9421` has more than one algorithm; leave `alg` out";
            cx.fault(alg.at, Code::KeyConflict, message);
            return None;
        }
        if let Some(path) = self.public_key.written() {
            return self.public(scheme, path, cx);
        }
        if let Some(alg) = self.alg.written()
            && alg.value != Algorithm::HmacSha256
        {
            let message = format!(
                "`{}` needs a `public_key`; a secret has `hmac-sha256`",
                alg.value.as_str()
            );
            cx.fault(alg.at, Code::KeyConflict, message);
            return None;
        }
        let secrets = self.secrets(cx)?;
        let mut sound = Vec::new();
        for (secret, at) in &secrets {
            sound.push(sound_secret(scheme, secret, *at, shared, cx));
        }
        let sound = sound.into_iter().collect::<Option<Vec<_>>>()?;
        Some((Algorithm::HmacSha256, Material::of_secrets(&sound)))
    }

    /// Those written, with their places.
    fn secrets(&self, cx: &mut Decoding<'_>) -> Option<Vec<(&Secret, Span)>> {
        if let Some(one) = self.secret.written() {
            return Some(vec![(&one.value.0, one.at)]);
        }
        let list = self.secrets.written()?;
        if list.value.is_empty() || list.value.items.len() > SECRETS_MAX {
            let message = format!("write 1 to {SECRETS_MAX} secrets");
            cx.fault(list.at, Code::ValueEmpty, message);
            return None;
        }
        let all = list.value.items.iter().map(|item| (&item.value.0, item.at)).collect();
        list.value.whole.then_some(all)
    }

    fn public(&self, scheme: SchemeWord, path: &At<Written>, cx: &mut Decoding<'_>) -> Option<(Algorithm, Material)> {
        if scheme != SchemeWord::Rfc9421 {
            let message = "this scheme signs with a secret; public keys belong to `rfc9421`";
            cx.fault(path.at, Code::KeyConflict, message);
            return None;
        }
        if matches!(self.alg, Field::Bad) {
            return None;
        }
        let pem = cx.file(std::path::Path::new(&*path.value.text), path.at, PEM_MAX)?;
        match Material::of_pem(&pem, self.alg.value().copied()) {
            Ok(key) => Some(key),
            Err(fault) => {
                let message = format!("{} holds no key that can be used: {fault}", path.value.shown());
                cx.fault(path.at, Code::ValueType, message);
                None
            }
        }
    }
}

/// The bytes that sign. Two keys without a name that share a secret could not be told apart.
fn sound_secret(
    scheme: SchemeWord,
    secret: &Secret,
    at: Span,
    shared: &mut Vec<Secret>,
    cx: &mut Decoding<'_>,
) -> Option<Secret> {
    let secret = match scheme {
        SchemeWord::StandardWebhooks => standard_webhooks_secret(secret).or_else(|| {
            let message = "a secret of `standard-webhooks` is `whsec_` and base64 behind it";
            cx.fault(at, Code::ValueType, message);
            None
        })?,
        _ => secret.clone(),
    };
    let least = if scheme.names_no_key() {
        MAKERS_SECRET_LEAST
    } else {
        SECRET_LEAST
    };
    if secret.expose().len() < least {
        let message = format!("the secret is shorter than {least} bytes; make a longer one");
        cx.fault(at, Code::SecretWeak, message);
        return None;
    }
    if scheme.names_no_key() && shared.iter().any(|other| other.same_as(&secret)) {
        let message = "this secret stands in the list already, and a request does not name its key; keep one";
        cx.fault(at, Code::KeyConflict, message);
        return None;
    }
    shared.push(secret.clone());
    Some(secret)
}

/// What stands behind `whsec_`.
pub(super) fn standard_webhooks_secret(secret: &Secret) -> Option<Secret> {
    let text = secret.expose().strip_prefix(b"whsec_")?;
    STANDARD.decode(text).ok().map(Secret::new)
}

fn texts(list: &List<Written>) -> Vec<Box<str>> {
    list.values().map(|written| (&*written.text).into()).collect()
}

fn list_is_bad(list: &Field<List<Written>>) -> bool {
    matches!(list, Field::Bad) || list.value().is_some_and(|list| !list.whole)
}

#[cfg(test)]
mod tests;
