//! The signature algorithms there are. `none` is not one of them, and nothing is folded or trimmed before comparing.

use std::fmt;

/// How a key is used; keys of one family can never be taken for keys of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Rsa,
    /// ECDSA; each of its algorithms has a curve of its own.
    Ec,
    Ed,
    /// A secret that both sides know.
    Hmac,
}

macro_rules! algorithms {
    ($($name:ident = $word:literal $family:ident;)*) => {
        /// An algorithm by its name in RFC 7518 and RFC 8037.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Algorithm {
            $($name,)*
        }

        impl Algorithm {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            pub const NAMES: &'static [&'static str] = &[$($word),*];

            /// The exact name only: `none`, `rs256` and `RS256 ` are unknown (JWT-03).
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            pub const fn family(self) -> Family {
                match self { $(Self::$name => Family::$family,)* }
            }
        }
    };
}

algorithms! {
    Rs256 = "RS256" Rsa;
    Rs384 = "RS384" Rsa;
    Rs512 = "RS512" Rsa;
    Ps256 = "PS256" Rsa;
    Ps384 = "PS384" Rsa;
    Ps512 = "PS512" Rsa;
    Es256 = "ES256" Ec;
    Es384 = "ES384" Ec;
    EdDsa = "EdDSA" Ed;
    Hs256 = "HS256" Hmac;
    Hs384 = "HS384" Hmac;
    Hs512 = "HS512" Hmac;
}

impl Algorithm {
    /// Whether the key that verifies could also sign.
    pub const fn is_symmetric(self) -> bool {
        matches!(self.family(), Family::Hmac)
    }

    /// Every algorithm whose verifying key may be known to all.
    pub fn public() -> Vec<Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|algorithm| !algorithm.is_symmetric())
            .collect()
    }

    /// What an issuer may sign with unless the settings name its algorithms: what issuers do sign with. Each further one
    /// would only be one more way in.
    pub const USUAL: &'static [Self] = &[Self::Rs256, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// The least a secret may hold: as much as the hash gives (RFC 7518 section 3.2).
    pub(super) const fn secret_min(self) -> usize {
        match self {
            Self::Hs384 => 48,
            Self::Hs512 => 64,
            _ => 32,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "JWT-03"]
    fn only_exact_names_are_algorithms() {
        for (algorithm, name) in Algorithm::ALL.iter().zip(Algorithm::NAMES) {
            assert_eq!(Algorithm::of(name), Some(*algorithm));
            assert_eq!(algorithm.as_str(), *name);
            for other in [
                name.to_lowercase(),
                format!("{name} "),
                format!(" {name}"),
                format!("{name}\0"),
            ] {
                assert_eq!(Algorithm::of(&other), None, "{other:?}");
            }
        }
        for name in [
            "none", "None", "NONE", "nOnE", "", "HS1", "RS1", "ES256K", "ES512", "RSA-OAEP", "dir", "Ed448",
        ] {
            assert_eq!(Algorithm::of(name), None, "{name:?}");
        }
    }

    #[test]
    #[doc = "JWT-03"]
    fn what_is_taken_unasked_is_for_public_keys_and_short() {
        let names: Vec<_> = Algorithm::USUAL.iter().map(|algorithm| algorithm.as_str()).collect();
        assert_eq!(names, ["RS256", "PS256", "ES256", "ES384", "EdDSA"]);
    }

    #[test]
    fn only_secrets_are_symmetric() {
        assert_eq!(Algorithm::public().len() + 3, Algorithm::ALL.len());
        assert!(Algorithm::Hs256.is_symmetric() && !Algorithm::Es256.is_symmetric());
    }
}
