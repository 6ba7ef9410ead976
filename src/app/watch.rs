//! Notices that one of the configuration's files has changed. In: the files; out: one call for each true change, after
//! the writer has had a moment to finish. Knows nothing of what the files mean, and judges by contents, not by times.
//!
//! It is the directories that are watched, with every symbolic link on the way: an editor replaces a file by renaming
//! another one over it, and Kubernetes changes what a whole directory is by swapping one link. Where the system does
//! not tell of changes (some network file systems), a look every few seconds finds them too.

mod contents;
mod directories;
mod trail;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use contents::Contents;
use directories::Directories;

/// A running watch; it ends when this is dropped.
pub struct Watch {
    messages: Sender<Message>,
}

/// These files hold something else than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub files: Vec<PathBuf>,
}

enum Message {
    /// Something happened to a name on the way to a file.
    News,
    Files(Vec<PathBuf>),
    End,
}

#[derive(Clone, Copy)]
struct Pace {
    /// Without news for this long, whoever writes has finished.
    quiet: Duration,
    /// Until the look for what the system did not tell.
    look_again: Duration,
}

const PACE: Pace = Pace {
    quiet: Duration::from_millis(100),
    look_again: Duration::from_secs(5),
};

/// Somebody who never stops writing is not waited for.
const NEWS_MAX: u32 = 64;

impl Watch {
    /// Watch `files` on a thread of its own, which calls `tell` and must not be held up by it. What they hold now is
    /// what changes are measured against.
    pub fn start(files: Vec<PathBuf>, tell: impl FnMut(Changed) + Send + 'static) -> io::Result<Self> {
        Self::at_pace(PACE, files, tell)
    }

    fn at_pace(pace: Pace, files: Vec<PathBuf>, tell: impl FnMut(Changed) + Send + 'static) -> io::Result<Self> {
        let (messages, inbox) = mpsc::channel();
        let news = messages.clone();
        let mut watched = Watched {
            directories: Directories::new(move || {
                // Fails only when the thread below has ended.
                let _ = news.send(Message::News);
            }),
            contents: Contents::default(),
        };
        watched.replace(files);
        thread::Builder::new()
            .name("watch".into())
            .spawn(move || watched.run(pace, &inbox, tell))?;
        Ok(Self { messages })
    }

    /// From now on watch these files. What a file held is remembered where it was watched before.
    pub fn replace(&self, files: Vec<PathBuf>) {
        let _ = self.messages.send(Message::Files(files));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::End);
    }
}

struct Watched {
    directories: Directories,
    contents: Contents,
}

impl Watched {
    fn replace(&mut self, files: Vec<PathBuf>) {
        self.directories.follow(&files);
        self.contents.replace(files);
    }

    fn run(mut self, pace: Pace, inbox: &Receiver<Message>, mut tell: impl FnMut(Changed)) {
        loop {
            let mut message = inbox.recv_timeout(pace.look_again);
            let mut news = 0;
            while let Ok(Message::News) = message
                && news < NEWS_MAX
            {
                news += 1;
                message = inbox.recv_timeout(pace.quiet);
            }
            if news > 0 || self.contents.look_different() {
                self.directories.follow(self.contents.files());
                let files = self.contents.changed();
                if !files.is_empty() {
                    tell(Changed { files });
                }
            }
            match message {
                Ok(Message::Files(files)) => self.replace(files),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::News) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
