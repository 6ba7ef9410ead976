//! `outbound:`.

use crate::config::defaults;
use crate::config::settings::settings;
use crate::config::values::{Certificates, Folder, Host, List, Time};

/// From a tenth of a second to a minute: who waits for an answer of ours has to wait for these calls first.
type CallTimeout = Time<100, 60_000>;

settings! {
    /// The calls that the gateway makes itself: for the keys of issuers, their metadata, and introspection. They go over
    /// https, follow no redirect, use no proxy and keep no cookie.
    struct RawOutbound as "outbound" {
        /// A PEM file with certificate authorities of your own. They are trusted beside those of the machine, or beside
        /// those of the web where the machine has none.
        optional ca: Certificates,
        /// A whole call, from looking up the name to the last byte of the answer. Connecting may take two seconds of it.
        default timeout: CallTimeout = Time(defaults::OUTBOUND_TIMEOUT),
        /// Hosts that may be called by http. Literal loopback addresses always may.
        default allow_plaintext_hosts: List<Host> = List::empty(),
        /// Hosts that an issuer's metadata may name although they have private, local or reserved addresses. What stands
        /// in this file may always have those, and so may whatever else is on the same host.
        default allow_private_hosts: List<Host> = List::empty(),
        /// The directory where the last good key set of each issuer is kept, so that a restart while the issuer is away
        /// does not lock everybody out. It is made if it is missing. Whoever can write there decides whose tokens are good.
        default keep: Folder = Folder::at(defaults::KEYS_FOLDER),
    }
}
