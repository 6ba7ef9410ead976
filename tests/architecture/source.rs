//! Rust source as this check needs it: bytes of a file in, identifiers and paths with their lines out. Knows comments,
//! strings and `use` groups well enough not to be fooled by them, and nothing else of the language.

/// One file of the tree.
pub struct Source {
    /// Relative to the root of the project, with `/`.
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
}

/// A word, `::`, or one character of punctuation. Comments are gone; a literal is an empty word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path as it stands in the file: `a::b::C`, or one leaf of a `use` group with its prefix in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub segments: Vec<String>,
    pub line: usize,
    /// The inline modules around it, outermost first: `super` counts them.
    pub within: Vec<String>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: tokens(text),
        }
    }

    /// Every path of two or more segments.
    pub fn paths(&self) -> Vec<Path> {
        Reader {
            tokens: &self.tokens,
            at: 0,
            modules: Vec::new(),
            found: Vec::new(),
        }
        .read()
    }

    /// Where the tokens `words` stand one after another.
    pub fn lines_with(&self, words: &[&str]) -> Vec<usize> {
        self.tokens
            .windows(words.len())
            .filter(|window| window.iter().zip(words).all(|(token, word)| token.text == *word))
            .filter_map(|window| window.first().map(|token| token.line))
            .collect()
    }

    /// The module this file is: `src/a/b.rs` and `src/a/b/mod.rs` are both `[a, b]`, the crate root is `[]`.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        module
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut line = 1;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (length, word) = match first {
            _ if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            _ if rest.starts_with("/*") => (block_comment(rest), None),
            _ if first.is_whitespace() => (first.len_utf8(), None),
            '"' => (quoted(rest, '"'), Some("")),
            '\'' => character_or_lifetime(rest),
            'r' | 'b' | 'c' if literal_prefix(rest).is_some() => (literal_prefix(rest).unwrap_or(1), Some("")),
            _ if rest.starts_with("::") => (2, Some("::")),
            _ if is_word(first) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (end, rest.get(..end))
            }
            _ => (first.len_utf8(), rest.get(..first.len_utf8())),
        };
        if let Some(word) = word {
            found.push(Token {
                text: word.to_owned(),
                line,
            });
        }
        let (done, after) = rest.split_at(length.min(rest.len()));
        line += done.matches('\n').count();
        rest = after;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of a literal that starts with its quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// `'a'` and `'\n'` are literals; `'a` is a lifetime, whose name is no word of interest.
fn character_or_lifetime(text: &str) -> (usize, Option<&'static str>) {
    let mut after = text.chars().skip(1);
    match (after.next(), after.next()) {
        (Some('\\'), _) => (quoted(text, '\''), Some("")),
        (Some(c), Some('\'')) => (2 + c.len_utf8(), Some("")),
        _ => (
            1 + text
                .chars()
                .skip(1)
                .take_while(|c| is_word(*c))
                .map(char::len_utf8)
                .sum::<usize>(),
            None,
        ),
    }
}

/// Length of `r"…"`, `r#"…"#`, `b"…"`, `b'…'`, `br"…"`, `c"…"`; nothing for a word that merely starts so, and nothing
/// for a raw identifier.
fn literal_prefix(text: &str) -> Option<usize> {
    let letters = text.find(|c| !matches!(c, 'r' | 'b' | 'c'))?;
    let (prefix, rest) = text.split_at(letters);
    if !matches!(prefix, "r" | "b" | "c" | "br" | "cr") {
        return None;
    }
    if !prefix.ends_with('r') {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        return Some(letters + quoted(rest, quote));
    }
    let hashes = rest.find(|c| c != '#')?;
    let opened = rest.get(hashes..)?.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    Some(
        opened
            .find(&closing)
            .map_or(text.len(), |end| letters + hashes + 1 + end + closing.len()),
    )
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// One entry per open brace: the inline module it opened, if it did.
    modules: Vec<Option<String>>,
    found: Vec<Path>,
}

impl Reader<'_> {
    fn read(mut self) -> Vec<Path> {
        while let Some(token) = self.tokens.get(self.at) {
            match token.text.as_str() {
                "{" => self.modules.push(self.opened_module()),
                "}" => drop(self.modules.pop()),
                _ if self.starts_path() => {
                    self.tree(&[]);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.found
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn starts_path(&self) -> bool {
        let follows = self
            .at
            .checked_sub(1)
            .is_some_and(|before| self.text(before) == "::" && self.within_path(before));
        self.text(self.at).starts_with(is_word) && !follows
    }

    /// `<T as A>::b` goes on after `>`; a leading `::b` does not go on from anything.
    fn within_path(&self, colons: usize) -> bool {
        colons
            .checked_sub(1)
            .is_some_and(|before| self.text(before) == ">" || self.text(before).starts_with(is_word))
    }

    fn opened_module(&self) -> Option<String> {
        let name = self.at.checked_sub(1)?;
        let keyword = name.checked_sub(1)?;
        (self.text(keyword) == "mod").then(|| self.text(name).to_owned())
    }

    /// One path, or each leaf of a `use` group; leaves `at` behind it.
    fn tree(&mut self, prefix: &[String]) {
        let mut segments = prefix.to_vec();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            if self.text(self.at) == "{" {
                return self.group(&segments);
            }
            if !self.text(self.at).starts_with(is_word) && self.text(self.at) != "*" {
                break;
            }
            segments.push(self.text(self.at).to_owned());
            self.at += 1;
            let goes_on = self.text(self.at) == "::"
                && (matches!(self.text(self.at + 1), "{" | "*") || self.text(self.at + 1).starts_with(is_word));
            if !goes_on {
                break;
            }
            self.at += 1;
        }
        if segments.len() > 1 {
            let within = self.modules.iter().flatten().cloned().collect();
            self.found.push(Path { segments, line, within });
        }
    }

    fn group(&mut self, prefix: &[String]) {
        self.at += 1;
        while !matches!(self.text(self.at), "}" | "") {
            if self.text(self.at).starts_with(is_word) || matches!(self.text(self.at), "*" | "{") {
                self.tree(prefix);
                if self.text(self.at) == "as" {
                    self.at += 2;
                }
            } else {
                self.at += 1;
            }
        }
        self.at += 1;
    }
}
