//! What is wrong with a configuration, where, and the way out. Faults forbid, warnings only tell; both have stable codes.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::node::{Position, Span};

macro_rules! codes {
    ($($name:ident = $code:literal $meaning:literal;)*) => {
        /// What kind of fault. Public interface: a code is never renamed, only added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// One sentence for the reference page.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    FileUnreadable = "file.unreadable" "A file, the configuration itself or one behind `${file:}`, cannot be read.";
    FileTooLarge = "file.too_large" "A file is larger than it may be.";
    FileEncoding = "file.encoding" "A file that must be text is not UTF-8.";
    FileCertificates = "file.certificates" "A file that must hold certificates holds none, or a bad one.";
    YamlSyntax = "yaml.syntax" "The file is not YAML. Comes alone.";
    YamlDuplicate = "yaml.duplicate" "The same key stands twice in one place. Comes alone.";
    YamlKey = "yaml.key" "A key is something other than plain text. Comes alone.";
    YamlTag = "yaml.tag" "A value carries a YAML tag. Comes alone.";
    YamlAlias = "yaml.alias" "An alias or a merge refers to something it cannot. Comes alone.";
    YamlDepth = "yaml.depth" "Values are nested too deeply. Comes alone.";
    YamlNodes = "yaml.nodes" "The file holds too many values once its aliases are followed. Comes alone.";
    YamlDocument = "yaml.document" "The file is empty or holds more than one document. Comes alone.";
    KeyUnknown = "key.unknown" "Nothing is set by this key.";
    KeyLater = "key.later" "The key belongs to a feature that is not in this version.";
    KeyMissing = "key.missing" "A key that must be there is not.";
    KeyConflict = "key.conflict" "Keys that exclude each other stand together.";
    ValueOrder = "value.order" "The value stands in a place where it means nothing.";
    NameReserved = "name.reserved" "The name means something else already.";
    AuthOverlap = "auth.overlap" "Two authenticators of one route would claim the same credential.";
    StoreMissing = "store.missing" "Something needs a store, and there is none.";
    ValueMissing = "value.missing" "The key has no value.";
    ValueType = "value.type" "The value is of another kind: a list, a map, text or a number was wanted.";
    ValueLater = "value.later" "The value asks for a feature that is not in this version.";
    ValueWord = "value.word" "The value is none of the words that may stand here.";
    ValueSwitch = "value.switch" "A switch is neither `true` nor `false`.";
    ValueNumber = "value.number" "The value is not a whole number, or it is written with a leading zero, sign or separator.";
    ValueDuration = "value.duration" "The value is not a duration like `250ms`, `30s`, `5m`, `12h` or `30d`.";
    ValueSize = "value.size" "The value is not a size like `64KiB` or `10MiB`.";
    ValueRate = "value.rate" "The value is not a rate like `50/s`, `100/min`, `1000/h` or `1/d`.";
    ValueDate = "value.date" "The value is not a date like `2027-01-01` or `2027-01-01T12:00:00Z`.";
    ValueHash = "value.hash" "The value is not a hash like `sha256:` and 64 hexadecimal digits.";
    ValueStore = "value.store" "The value is not the address of a store.";
    ValuePlace = "value.place" "The value is not a place where a credential may stand, like `header:X-API-KEY`.";
    ValueRange = "value.range" "The value is outside its limits.";
    ValueZero = "value.zero" "Zero stands where a limit was wanted; it never means unlimited.";
    ValueEmpty = "value.empty" "An empty text or list stands where it would be misunderstood.";
    ValueAddress = "value.address" "The value is not an address with a port.";
    ValueSocket = "value.socket" "The value is not the path of a unix socket.";
    ValueNetwork = "value.network" "The value is not an address or a network.";
    ValueUrl = "value.url" "The value is not a URL that can be used there.";
    ValueKey = "value.key" "A file holds no key that can be used, or one of its keys cannot be.";
    ValueHost = "value.host" "The value is not a host name or `*.suffix`.";
    ValuePath = "value.path" "The value is not a path pattern.";
    ValueHeader = "value.header" "The text is not a header name or a header value.";
    ValueProtocol = "value.protocol" "The text is not the name of a protocol to switch to, or stands there twice.";
    ValueVersion = "value.version" "The file is written for another version of this format.";
    NameInvalid = "name.invalid" "A name that you choose holds characters that names may not hold.";
    NameDuplicate = "name.duplicate" "A name that must tell things apart stands twice.";
    NameUnknown = "name.unknown" "The value names something that the file does not define.";
    ReferenceSyntax = "reference.syntax" "A `${…}` is not `${env:NAME}`, `${env:NAME:-default}` or `${file:/path}`.";
    ReferenceUnquoted = "reference.unquoted" "A `${…}` inside `{ }` or `[ ]` stands without quotes. Comes alone.";
    ReferenceKey = "reference.key" "A `${…}` stands in a key; only values are replaced.";
    EnvMissing = "env.missing" "An environment variable is not set and no default is given.";
    EnvEncoding = "env.encoding" "An environment variable is not UTF-8.";
    SecretInline = "secret.inline" "A secret is written in the file instead of being exactly one reference without a default.";
    SecretEmpty = "secret.empty" "A secret is empty.";
    SecretWeak = "secret.weak" "A secret is too short or cannot be sent.";
    HashInvalid = "hash.invalid" "A password hash is not one that can be verified, or verifying it is more work than is allowed.";
    HashWeak = "hash.weak" "A password hash is quicker to guess than it should be.";
    UserDuplicate = "user.duplicate" "Two users of one authenticator have the same name.";
    ListenDuplicate = "listen.duplicate" "Two listeners want the same address and port.";
    AdminExposed = "admin.exposed" "The admin listener can be reached from elsewhere without a token, or in clear.";
    AdminRoute = "admin.route" "An upstream leads to the admin listener.";
    UpstreamLoop = "upstream.loop" "An upstream leads back to a listener of this gateway.";
    UpstreamDuplicate = "upstream.duplicate" "A target stands twice in one upstream.";
    UpstreamUnused = "upstream.unused" "No route uses this upstream.";
    RouteNone = "route.empty" "There is no route: every request is answered with 404.";
    RouteTie = "route.tie" "Two routes of equal rank can match the same request.";
    RouteReserved = "route.reserved" "The gateway itself answers on the path of this route.";
    RouteWeaker = "route.weaker" "A header of the client's choice would select a route with other protection.";
    RouteUnreachable = "route.unreachable" "No request can reach this route.";
    RedirectTarget = "redirect.target" "A redirect leads to a place it may not lead to.";
    HeaderReserved = "header.reserved" "The header belongs to the gateway or to the framing of messages.";
    ProxyNobody = "proxy.nobody" "The PROXY protocol is switched on, and nobody is trusted to speak it.";
    CredentialExposed = "credential.exposed" "A credential is taken from a place that others write down.";
    TrustWide = "trust.wide" "Everybody is believed to be a trusted proxy.";
    ConnectionsDescriptors = "connections.descriptors" "More connections are asked for than the process may open descriptors.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: Arc<str>,
    pub line: u32,
    pub col: u32,
    pub code: Code,
    pub message: String,
}

/// Same shape, other weight: the configuration loads all the same.
pub type Warning = Fault;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            col,
            code,
            message,
        } = self;
        write!(f, "{file}:{line}:{col}: {code}: {message}")
    }
}

/// Why a configuration does not load: at least one fault, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    list: Vec<Fault>,
    warnings: Vec<Warning>,
    files: Vec<PathBuf>,
}

impl Faults {
    /// The exit code of a process that cannot start for these: `EX_CONFIG` of sysexits.h.
    pub const EXIT_CODE: u8 = 78;

    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.list.iter()
    }

    /// What was found beside the faults.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The configuration file and every `${file:}` target it names, read or not: a change of one may be the repair.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Collects while a file is being read.
#[derive(Debug)]
pub(crate) struct Findings {
    file: Arc<str>,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
    files: BTreeSet<PathBuf>,
}

impl Findings {
    pub(crate) fn of(file: &str) -> Self {
        Self {
            file: file.into(),
            faults: Vec::new(),
            warnings: Vec::new(),
            files: BTreeSet::new(),
        }
    }

    pub(crate) fn fault(&mut self, at: impl Into<Position>, code: Code, message: impl Into<String>) {
        let fault = self.line(at.into(), code, message.into());
        self.faults.push(fault);
    }

    pub(crate) fn warn(&mut self, at: impl Into<Position>, code: Code, message: impl Into<String>) {
        let warning = self.line(at.into(), code, message.into());
        self.warnings.push(warning);
    }

    /// Drops the faults told so far.
    pub(crate) fn forget(&mut self) {
        self.faults.clear();
    }

    /// Takes over what was found in a file that this one names.
    pub(crate) fn absorb(&mut self, inner: Self) {
        self.faults.extend(inner.faults);
        self.warnings.extend(inner.warnings);
        self.files.extend(inner.files);
    }

    pub(crate) fn watch(&mut self, file: &Path) {
        self.files.insert(file.to_owned());
    }

    /// What was made, unless a fault forbids it.
    pub(crate) fn close<T>(self, made: Option<T>) -> Result<(T, Vec<Warning>, Vec<PathBuf>), Faults> {
        let Self {
            file,
            faults,
            warnings,
            files,
        } = self;
        let files = files.into_iter().collect();
        let warnings = in_order(&file, warnings);
        match made {
            Some(made) if faults.is_empty() => Ok((made, warnings, files)),
            _ => {
                debug_assert!(!faults.is_empty(), "{file} was refused without a reason");
                Err(Faults {
                    list: in_order(&file, faults),
                    warnings,
                    files,
                })
            }
        }
    }

    fn line(&self, at: Position, code: Code, message: String) -> Fault {
        Fault {
            file: self.file.clone(),
            line: at.line,
            col: at.col,
            code,
            message,
        }
    }
}

/// By place, the main file first; what an alias repeats is said once.
fn in_order(main: &Arc<str>, mut list: Vec<Fault>) -> Vec<Fault> {
    let place = |fault: &Fault| (fault.file != *main, Arc::clone(&fault.file), fault.line, fault.col);
    list.sort_by_cached_key(place);
    list.dedup();
    list
}

impl From<Span> for Position {
    fn from(span: Span) -> Self {
        span.start
    }
}
