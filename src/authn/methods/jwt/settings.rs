//! The settings of `jwt` as they are typed.

use std::time::Duration;

use super::values::{AudienceText, ClaimName, From, OneOrMore, PathText, Remembering, RequiredClaim, WebUrl};
use crate::authn::jose::algorithm::Algorithm;
use crate::config::settings::settings;
use crate::config::values::{List, Map, SecretText, Time, Written};

/// Clocks of machines that are looked after differ by less; beyond a minute, expiry means little (JWT-08).
const LEEWAY: Duration = Duration::from_secs(30);

settings! {
    /// Tokens (JWT) that an identity provider signs. With `issuer` alone, its keys are found through its metadata and kept up
    /// to date; `jwks_url`, `jwks_file`, `public_key` or `secret` name them instead.
    struct JwtSettings as "jwt" {
        /// Who signs the tokens: exactly what their `iss` says. `any` takes whoever signed with the key, and may stand only
        /// beside `jwks_file`, `public_key` or `secret`.
        required issuer: Written,
        /// Whom the tokens are for: one of these must stand in their `aud`. `any` takes tokens that were made for others, too.
        required audience: AudienceText,
        /// Where the roles are: names with dots between them, or a list of names where one holds a dot itself.
        default roles_from: PathText = PathText::dotted("roles"),
        /// Where the scopes are.
        default scopes_from: PathText = PathText::dotted("scope"),
        /// Where the id of the principal is.
        default subject_from: PathText = PathText::dotted("sub"),
        /// Where the keys of the issuer are fetched, instead of asking its metadata.
        optional jwks_url: WebUrl,
        /// A file with the keys of the issuer, as a JWK set.
        optional jwks_file: Written,
        /// A file with the one public key of the issuer, in PEM.
        optional public_key: Written,
        /// What HS256, HS384 or HS512 tokens are signed with: at least as many bytes as the hash has.
        optional secret: SecretText,
        /// The algorithms that tokens may name. Without it: RS256, PS256, ES256, ES384 and EdDSA, or HS256 beside `secret`. An
        /// RSA key that names none is for RS256, unless another one alone is allowed.
        optional algorithms: List<Algorithm>,
        /// How far the clocks of the issuer and of this machine may differ.
        default leeway: Time<0, 60_000> = Time(LEEWAY),
        /// How long after its making (`iat`) a token is taken at most, whatever its `exp` says.
        optional max_lifetime: Time<1000, 31_536_000_000>,
        /// Whether a verdict is remembered until the token ends.
        default cache: Remembering = Remembering::On,
        /// Claims that must be there. What is written replaces the default, but `exp` always is among them, `iss` unless `issuer`
        /// is `any`, and `aud` unless `audience` is `any`. Beside `issuer: any` the default holds no `iss`.
        default required: List<RequiredClaim> = RequiredClaim::all(),
        /// Claims that must have a value, or one of some values.
        optional require_claims: Map<ClaimName, OneOrMore>,
        /// What `typ` in the header may be, and must be then. Without it: nothing, `JWT` or `at+jwt`.
        optional typ: OneOrMore,
        /// Where tokens are looked for.
        default from: List<From> = From::bearer(),
    }
}
