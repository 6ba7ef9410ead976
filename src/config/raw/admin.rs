//! `admin:`.

use crate::config::defaults;
use crate::config::settings::settings;
use crate::config::values::{Address, SecretText};

settings! {
    /// `/livez`, `/readyz`, `/startupz` and `/metrics` need no token. On an address other than loopback a token must be
    /// set all the same.
    struct RawAdmin as "admin" {
        /// Where the admin listener listens; never on a port of `listen`. Not reloadable.
        default addr: Address = Address(defaults::ADMIN_ADDRESS),
        /// The bearer token of the admin API, at least 16 printable characters.
        optional token: SecretText,
    }
}
