//! Which of the signatures of a request is ours to judge, and what it says of itself. Two dictionaries of structured
//! fields go in; the one signature whose `keyid` is a key of ours comes out.

use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parameters, Parser};

use super::components::QUERY_PARAMETER;
use crate::authn::methods::signature::keys::{Key, Keys};

/// Signatures of one request: proxies on the way may have put theirs beside the client's.
const SIGNATURES_MAX: usize = 8;
/// Components of one signature. They are looked up before anything is known of who sent them.
const COMPONENTS_MAX: usize = 32;
/// Parameters of the query among them; `@query` covers all.
const QUERY_PARAMETERS_MAX: usize = 8;
/// Bytes of a nonce.
const NONCE_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Input<'k> {
    pub(super) key: &'k Key,
    /// The components and, behind them, the parameters; both in the order they were sent.
    pub(super) covered: InnerList,
    pub(super) signature: Vec<u8>,
    pub(super) created: u64,
    pub(super) expires: Option<u64>,
    pub(super) nonce: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InputFault {
    #[error("the field `signature-input` is no dictionary of structured fields")]
    Inputs,
    #[error("the field `signature` is no dictionary of structured fields")]
    Signatures,
    #[error("there are more than {SIGNATURES_MAX} signatures")]
    TooMany,
    #[error("no signature names a key that is known")]
    NoKey,
    #[error("more than one signature names a key that is known")]
    Several,
    #[error("the signature covers more than {COMPONENTS_MAX} components")]
    TooLong,
    #[error("the signature covers more than {QUERY_PARAMETERS_MAX} parameters of the query; cover `@query`")]
    TooManyParameters,
    #[error("the field `signature` holds no bytes under the label of the signature")]
    NoSignature,
    #[error("the signature does not say when it was created")]
    Created,
    #[error("`expires` is no time, or one before `created`")]
    Expires,
    #[error("`nonce` is not a text of 1 to {NONCE_MAX} bytes")]
    Nonce,
    #[error("`alg` is not the algorithm of the key")]
    Algorithm,
}

impl<'k> Input<'k> {
    pub(super) fn choose(inputs: &[u8], signatures: &[u8], keys: &'k Keys) -> Result<Self, InputFault> {
        let inputs: Dictionary = Parser::new(inputs).parse().map_err(|_| InputFault::Inputs)?;
        let mut signatures: Dictionary = Parser::new(signatures).parse().map_err(|_| InputFault::Signatures)?;
        if inputs.len() > SIGNATURES_MAX || signatures.len() > SIGNATURES_MAX {
            return Err(InputFault::TooMany);
        }
        let mut ours = inputs.into_iter().filter_map(|(label, entry)| {
            let ListEntry::InnerList(covered) = entry else {
                return None;
            };
            let key = keys.find(text(&covered.params, "keyid")?)?;
            Some((label, covered, key))
        });
        let (label, covered, key) = ours.next().ok_or(InputFault::NoKey)?;
        // Which of them an answer is about would be a guess.
        if ours.next().is_some() {
            return Err(InputFault::Several);
        }
        if covered.items.len() > COMPONENTS_MAX {
            return Err(InputFault::TooLong);
        }
        let parameters = covered.items.iter().filter(|item| is_query_parameter(&item.bare_item));
        if parameters.count() > QUERY_PARAMETERS_MAX {
            return Err(InputFault::TooManyParameters);
        }
        let Some(ListEntry::Item(signature)) = signatures.swap_remove(&label) else {
            return Err(InputFault::NoSignature);
        };
        let BareItem::ByteSequence(signature) = signature.bare_item else {
            return Err(InputFault::NoSignature);
        };
        let parameters = &covered.params;
        let created = seconds(parameters, "created").ok().flatten();
        let created = created.ok_or(InputFault::Created)?;
        let expires = seconds(parameters, "expires")?;
        if expires.is_some_and(|expires| expires < created) {
            return Err(InputFault::Expires);
        }
        let nonce = match parameters.get("nonce") {
            None => None,
            Some(_) => Some(nonce(parameters).ok_or(InputFault::Nonce)?),
        };
        let same = text(parameters, "alg").is_some_and(|algorithm| algorithm == key.algorithm.as_str());
        if parameters.contains_key("alg") && !same {
            return Err(InputFault::Algorithm);
        }
        Ok(Self {
            key,
            covered,
            signature,
            created,
            expires,
            nonce,
        })
    }
}

fn is_query_parameter(component: &BareItem) -> bool {
    matches!(component, BareItem::String(name) if name.as_str() == QUERY_PARAMETER)
}

fn text<'p>(parameters: &'p Parameters, name: &str) -> Option<&'p str> {
    match parameters.get(name) {
        Some(BareItem::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

fn nonce(parameters: &Parameters) -> Option<String> {
    let nonce = text(parameters, "nonce")?;
    (1..=NONCE_MAX).contains(&nonce.len()).then(|| nonce.to_owned())
}

/// A time, or that it is none.
fn seconds(parameters: &Parameters, name: &str) -> Result<Option<u64>, InputFault> {
    match parameters.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) => u64::try_from(*seconds).map(Some).map_err(|_| InputFault::Expires),
        Some(_) => Err(InputFault::Expires),
    }
}
