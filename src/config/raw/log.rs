//! `log:`.

use crate::config::settings::settings;
use crate::config::values::words;

settings! {
    /// Neither log ever holds a token, a key, a password, a cookie or a query.
    struct RawLog as "log" {
        /// From which weight on events are written to standard error.
        default level: Level = Level::Info,
        /// One JSON object a line, or text for people.
        default format: Format = Format::Json,
        /// Whether a line per request is written to standard output.
        default access: bool = true,
    }
    later { audit }
}

words! {
    enum Level {
        Error = "error",
        Warn = "warn",
        Info = "info",
        Debug = "debug",
        Trace = "trace",
    }
}

words! {
    enum Format {
        Json = "json",
        Text = "text",
    }
}
