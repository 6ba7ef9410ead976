//! What `api_key:` says in the file, and the keys that stand there or in a file of their own.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::authn::method::{Kind, Place, Reads, Share, planned};
use crate::authn::places::PlaceText;
use crate::authn::principal::{Handles, Principal, RateText, Verified};
use crate::base::net::AddressSet;
use crate::config::authenticators::Plan;
use crate::config::faults::Code;
use crate::config::node::{Node, Span};
use crate::config::settings::{Book, Decoding, Field, Setting, Shape, settings};
use crate::config::values::{Date, List, Network, Rate, Written};
use crate::identity::keys::KeyHash;

/// The largest `keys_file`, and how many values it may hold: a key is about ten.
const FILE_MAX: u64 = 64 * 1024 * 1024;
const FILE_NODES: usize = 8_000_000;
/// It goes into logs and headers.
const ID_MAX: usize = 128;

/// The kind.
pub(in crate::authn) struct ApiKey;

settings! {
    /// API keys: in this file, in a file of their own, or made at run time with `portcullis key create`. Only hashes of
    /// keys are written down; `portcullis key hash` makes them.
    struct RawApiKeys as "api_key" {
        /// Where a key stands in a request. In a query it is written down by every log and history on its way, so a place
        /// there is warned of.
        default from: List<PlaceText> = List::of([PlaceText::header("X-API-KEY")]),
        /// Keys of any shape, found by their hash.
        optional keys: List<RawKey>,
        /// The path of a YAML file that holds nothing but such a list; at most 64MiB.
        optional keys_file: Written,
        /// Whether keys that are made at run time count, too. They are kept in the `store` of the configuration.
        default store: bool = false,
    }
}

settings! {
    /// One key that somebody holds.
    struct RawKey as "API key" {
        /// The name of the key, in logs and for revoking it.
        required id: Written,
        /// `sha256:` and the SHA-256 of the whole key, in 64 hexadecimal digits; `portcullis key hash` tells it.
        required hash: HashText,
        /// Who acts with the key; the key's `id` unless written. Several keys may have one owner.
        optional owner: Written,
        /// The roles of whoever holds the key.
        optional roles: List<Written>,
        /// Permissions beside those of the roles.
        optional permissions: List<Written>,
        /// The scopes of the key.
        optional scopes: List<Written>,
        /// When the key ends; a day alone ends it as that day begins in UTC.
        optional expires: Date,
        /// The only addresses it may come from; absent = everywhere.
        optional networks: List<Network>,
        /// How many requests may be made with it.
        optional limit: Rate,
    }
}

/// The hash of a key.
#[derive(Clone, Debug)]
pub(crate) struct HashText(KeyHash);

impl Setting for HashText {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "the hash of a key")?;
        if let Some(hash) = KeyHash::parse(&given.text) {
            return Some(Self(hash));
        }
        // Not repeated: it may be the key itself.
        let message = "this is not the hash of a key; write `sha256:` and 64 hexadecimal digits, as `portcullis key hash` \
                       prints them";
        cx.fault(node.span, Code::ValueHash, message);
        None
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^sha256:[0-9A-Fa-f]{64}$" });
        Shape::scalar(schema, "`sha256:` and 64 hexadecimal digits")
    }
}

/// Checked settings.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) reads: Vec<Reads>,
    /// The header that the challenge names.
    pub(super) header: Option<Box<str>>,
    pub(super) keys: Arc<FileKeys>,
    pub(super) store: bool,
}

/// The keys of the file, by the hash of the whole key: whoever finds an entry has presented that key.
#[derive(Default)]
pub(super) struct FileKeys {
    by_hash: HashMap<[u8; 32], Verified>,
}

impl fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.by_hash.len())
    }
}

impl FileKeys {
    /// What the key proves, unless it has expired.
    pub(super) fn find(&self, hash: &KeyHash) -> Option<&Verified> {
        self.by_hash.get(hash.as_bytes())
    }
}

impl Kind for ApiKey {
    fn name(&self) -> &'static str {
        "api_key"
    }

    fn parse(&self, settings: &Node, cx: &mut Decoding<'_>) -> Option<Arc<dyn Plan>> {
        let raw = RawApiKeys::decode(settings, cx)?;
        Some(planned(check(&raw, cx)?))
    }

    fn describe(&self, book: &mut Book) -> Shape {
        RawApiKeys::describe(book)
    }
}

fn check(raw: &RawApiKeys, cx: &mut Decoding<'_>) -> Option<Settings> {
    let places = places(raw, cx);
    let mut gathered = Gathered::default();
    if let Some(list) = raw.keys.value() {
        gathered.take(list, cx);
    }
    if let Some(file) = raw.keys_file.written() {
        let limits = (FILE_MAX, FILE_NODES);
        cx.yaml(Path::new(&*file.value.text), file.at, limits, |root, cx| {
            let list = List::<RawKey>::decode(root, cx)?;
            gathered.take(&list, cx);
            Some(())
        })?;
    }
    let store = *raw.store.value()?;
    let is_empty = raw.keys.is_absent() || raw.keys.value().is_some_and(List::is_empty);
    if is_empty && raw.keys_file.is_absent() && !store {
        let message = "there is no key that this could take; write `keys`, `keys_file` or `store: true`";
        cx.fault(raw.at, Code::ValueEmpty, message);
        return None;
    }
    let header = places.as_ref()?.iter().find_map(|place| place.header_name());
    Some(Settings {
        header: header.map(Into::into),
        reads: places?.into_iter().map(|place| reads(&place.place)).collect(),
        keys: Arc::new(gathered.keys),
        store,
    })
}

fn places<'r>(raw: &'r RawApiKeys, cx: &mut Decoding<'_>) -> Option<Vec<&'r PlaceText>> {
    let list = raw.from.value()?;
    if list.is_empty() {
        cx.fault(
            raw.from.place(raw.at),
            Code::ValueEmpty,
            "no place is named; leave `from` out for `header:X-API-KEY`",
        );
        return None;
    }
    let mut sound = list.whole;
    for (index, item) in list.items.iter().enumerate() {
        match &item.value.place {
            Place::Query(name) => {
                let message = format!(
                    "a key in the query (`{name}`) stands in logs, histories and referrers; take it from a header where you can"
                );
                cx.findings.warn(item.at, Code::CredentialExposed, message);
            }
            // A browser sends it by itself, on behalf of any page.
            Place::Cookie(_) => {
                cx.fault(
                    item.at,
                    Code::ValuePlace,
                    "an API key has no place in a cookie; write `header:NAME`",
                );
                sound = false;
            }
            _ => {}
        }
        if list
            .items
            .iter()
            .take(index)
            .any(|earlier| earlier.value.place == item.value.place)
        {
            cx.fault(
                item.at,
                Code::KeyConflict,
                "this place stands in the list already; keep one",
            );
            sound = false;
        }
    }
    sound.then(|| list.values().collect())
}

/// A bearer that is a token is its issuer's: a key takes what is left.
fn reads(place: &Place) -> Reads {
    match place {
        Place::Bearer => Reads::share(Place::Bearer, Share::Rest),
        place => Reads::whole(place.clone()),
    }
}

/// Keys of all places, which must not meet.
#[derive(Default)]
struct Gathered {
    keys: FileKeys,
    ids: HashSet<Arc<str>>,
}

impl Gathered {
    fn take(&mut self, list: &List<RawKey>, cx: &mut Decoding<'_>) {
        for item in &list.items {
            self.key(&item.value, item.at, cx);
        }
    }

    fn key(&mut self, raw: &RawKey, at: Span, cx: &mut Decoding<'_>) -> Option<()> {
        let verified = verified(raw, cx);
        let id = raw.id.value().map(|id| &id.text)?;
        if !self.ids.insert(Arc::clone(id)) {
            let message = format!(
                "there is another key `{id}`; give each its own `id`, and the same `owner` where one person holds both"
            );
            cx.fault(raw.id.place(at), Code::NameDuplicate, message);
        }
        let hash = *raw.hash.value()?.0.as_bytes();
        if self.keys.by_hash.insert(hash, verified?).is_some() {
            let message = format!("`{id}` is the same key as another one; whoever holds it cannot be both");
            cx.fault(raw.hash.place(at), Code::NameDuplicate, message);
        }
        Some(())
    }
}

fn verified(raw: &RawKey, cx: &mut Decoding<'_>) -> Option<Verified> {
    let networks = networks(&raw.networks, cx);
    let id = name(&raw.id, cx)?;
    let owner = match raw.owner.is_absent() {
        true => id,
        false => name(&raw.owner, cx)?,
    };
    let limit = raw.limit.value().map(|rate| RateText {
        count: rate.count,
        per: rate.per,
    });
    Some(Verified {
        principal: Principal {
            roles: texts(&raw.roles)?,
            permissions: texts(&raw.permissions)?,
            scopes: texts(&raw.scopes)?,
            limit,
            ..Verified::of(owner).principal
        },
        expires: raw.expires.value().map(|date| date.0),
        networks: networks?,
        handles: Handles {
            key: Some(id.into()),
            ..Handles::default()
        },
    })
}

fn name<'r>(field: &'r Field<Written>, cx: &mut Decoding<'_>) -> Option<&'r str> {
    let written = field.written()?;
    let text = &*written.value.text;
    if text.len() > ID_MAX || text.chars().any(char::is_control) {
        let message = format!("a name that logs show is at most {ID_MAX} bytes of printable text");
        cx.fault(written.at, Code::NameInvalid, message);
        return None;
    }
    Some(text)
}

fn texts(field: &Field<List<Written>>) -> Option<Vec<Box<str>>> {
    let Some(list) = field.value() else {
        return field.is_absent().then(Vec::new);
    };
    list.whole
        .then(|| list.values().map(|written| (*written.text).into()).collect())
}

/// The inner `None` is everywhere.
#[expect(clippy::option_option, reason = "bad and everywhere are different things")]
fn networks(field: &Field<List<Network>>, cx: &mut Decoding<'_>) -> Option<Option<Arc<AddressSet>>> {
    let Some(written) = field.written() else {
        return field.is_absent().then_some(None);
    };
    if written.value.is_empty() {
        let message = "an empty list would let the key come from nowhere; leave `networks` out for everywhere";
        cx.fault(written.at, Code::ValueEmpty, message);
        return None;
    }
    let set = AddressSet::new(written.value.values().map(|network| network.0));
    written.value.whole.then(|| Some(Arc::new(set)))
}

#[cfg(test)]
mod tests;
