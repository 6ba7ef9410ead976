//! The shape of API keys: how one is made, how its id is found in what somebody presents, and the hash that is kept of
//! it. `pk_<id>_<secret>`: leak scanners recognise it, and the id finds it without telling the secret.

use std::borrow::Borrow;
use std::fmt;

use aws_lc_rs::digest;
use subtle::ConstantTimeEq;

use crate::base::random::Random;
use crate::base::secret::Secret;

const PREFIX: &str = "pk_";
const ID_LENGTH: usize = 12;
/// 62^43 is a little more than 2^256.
const SECRET_LENGTH: usize = 43;

const ID_LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const SECRET_LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The public part of a key of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

/// SHA-256 of a whole key. Compared in constant time and printed only where it is asked for.
#[derive(Clone)]
pub struct KeyHash([u8; 32]);

/// A key that was just made: the only moment at which it is known.
#[derive(Debug)]
pub struct NewKey {
    pub id: KeyId,
    pub text: Secret,
    pub hash: KeyHash,
}

impl NewKey {
    pub fn make(random: &mut Random) -> Self {
        let id = letters(ID_LETTERS, ID_LENGTH, random);
        let mut text = Vec::with_capacity(PREFIX.len() + ID_LENGTH + 1 + SECRET_LENGTH);
        text.extend_from_slice(PREFIX.as_bytes());
        text.extend_from_slice(id.as_bytes());
        text.push(b'_');
        push_letters(&mut text, SECRET_LETTERS, SECRET_LENGTH, random);
        let hash = KeyHash::of(&text);
        Self {
            id: KeyId(id.into()),
            text: Secret::new(text),
            hash,
        }
    }
}

impl KeyId {
    /// The id inside of what somebody presents, when it has the shape of a key of ours.
    pub fn of_key(presented: &[u8]) -> Option<Self> {
        let (id, rest) = presented.strip_prefix(PREFIX.as_bytes())?.split_at_checked(ID_LENGTH)?;
        let secret = rest.strip_prefix(b"_")?;
        let sound = secret.len() == SECRET_LENGTH && secret.iter().all(u8::is_ascii_alphanumeric);
        sound
            .then_some(id)
            .and_then(|id| Self::parse(std::str::from_utf8(id).ok()?))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let sound = text.len() == ID_LENGTH && text.bytes().all(|byte| ID_LETTERS.contains(&byte));
        sound.then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So that a map is asked without making one.
impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyHash {
    pub fn of(key: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, key).as_ref());
        Self(bytes)
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// `sha256:` and 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != bytes.len() * 2 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            let value = |digit: u8| {
                char::from(digit)
                    .to_digit(16)
                    .and_then(|value| u8::try_from(value).ok())
            };
            *byte = value(*high)? << 4 | value(*low)?;
        }
        Some(Self(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As `parse` reads it.
    pub fn spelled(&self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }
}

impl PartialEq for KeyHash {
    /// In a time that does not depend on where the two differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

fn letters(alphabet: &[u8], count: usize, random: &mut Random) -> String {
    let mut text = Vec::with_capacity(count);
    push_letters(&mut text, alphabet, count, random);
    text.into_iter().map(char::from).collect()
}

/// Each letter equally likely: a byte that would make the first letters of the alphabet likelier is drawn again.
fn push_letters(to: &mut Vec<u8>, alphabet: &[u8], count: usize, random: &mut Random) {
    let fair = 256 - 256 % alphabet.len();
    let end = to.len() + count;
    while to.len() < end {
        let [byte] = random.bytes::<1>();
        let drawn = usize::from(byte);
        if drawn < fair {
            to.extend(alphabet.get(drawn % alphabet.len()));
        }
    }
}

/// For fuzzing: any bytes that somebody presents as a key.
pub fn fuzz(data: &[u8]) {
    if let Some(id) = KeyId::of_key(data) {
        let text = String::from_utf8_lossy(data);
        assert!(text.starts_with(&format!("pk_{id}_")) && text.len() == 59, "{text}");
        assert_eq!(KeyId::parse(id.as_str()), Some(id));
    }
    let hash = KeyHash::of(data);
    assert_eq!(KeyHash::parse(&hash.spelled()), Some(hash));
    if let Some(hash) = std::str::from_utf8(data).ok().and_then(KeyHash::parse) {
        assert_eq!(hash.spelled().as_bytes(), data.to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    #[doc = "AK-01"]
    fn keys_are_random_and_recognisable() {
        let mut random = Random::system();
        let mut seen = HashSet::new();
        let mut counts = [0_u32; 256];
        for _ in 0..2000 {
            let made = NewKey::make(&mut random);
            let text = made.text.expose();
            assert_eq!(text.len(), 59);
            assert_eq!(KeyId::of_key(text), Some(made.id.clone()));
            assert_eq!(KeyHash::of(text), made.hash);
            assert!(seen.insert(made.id));
            text[16..].iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        }
        // 86 000 draws of 62 letters: about 1387 each, and 200 is more than five standard deviations.
        for letter in SECRET_LETTERS {
            assert!(
                counts[usize::from(*letter)].abs_diff(1387) < 200,
                "{}",
                char::from(*letter)
            );
        }
        assert_eq!(counts.iter().filter(|count| **count > 0).count(), SECRET_LETTERS.len());
    }

    #[test]
    #[doc = "AK-01"]
    fn nothing_that_is_printed_holds_the_key() {
        let made = NewKey::make(&mut Random::system());
        let secret = String::from_utf8(made.text.expose()[16..].to_vec()).unwrap();
        let printed = format!("{made:?}");
        assert!(!printed.contains(&secret), "{printed}");
        assert!(printed.contains(made.id.as_str()), "{printed}");
        assert!(!printed.contains(&made.hash.spelled()[7..]), "{printed}");
    }

    #[test]
    #[doc = "AK-03"]
    fn only_the_exact_shape_is_a_key_of_ours() {
        let good = format!("pk_abcdefghij01_{}", "aZ9".repeat(15).get(..43).unwrap());
        assert!(KeyId::of_key(good.as_bytes()).is_some());
        let bad = [
            good.to_uppercase(),
            format!(" {good}"),
            format!("{good} "),
            format!("{good}a"),
            good[..58].to_owned(),
            good.replace("pk_", "PK_"),
            good.replace("abc", "aBc"),
            good.replace("01_", "01-"),
            good.replace("aZ9aZ9", "aZ9+Z9"),
            good.replace("aZ9aZ9", "aZ9é9"),
            String::new(),
            "pk_".to_owned(),
        ];
        for text in bad {
            assert_eq!(KeyId::of_key(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_hash_is_spelled_as_the_file_writes_it() {
        let text = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert_eq!(KeyHash::parse(text), Some(KeyHash::of(b"test")));
        assert_eq!(KeyHash::of(b"test").spelled(), text);
        assert_eq!(KeyHash::parse(&text.replace("9f", "9F")), Some(KeyHash::of(b"test")));
        for wrong in [
            &text[7..],
            &text[..70],
            "sha256:",
            "md5:00",
            &text.replace("9f", "+f"),
            &text.replace("9f", "9g"),
        ] {
            assert_eq!(KeyHash::parse(wrong), None, "{wrong}");
        }
    }
}
