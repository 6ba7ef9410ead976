//! Real files in real directories, changed the ways editors, scripts and Kubernetes change them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

const LONG: Duration = Duration::from_secs(30);

/// So rare that in these tests only the system's word counts.
const ONLY_TOLD: Pace = Pace {
    quiet: Duration::from_millis(60),
    look_again: Duration::from_secs(3600),
};

struct Watching {
    home: PathBuf,
    changes: Receiver<Changed>,
    watch: Watch,
    _temporary: tempfile::TempDir,
}

impl Watching {
    /// Prepare a directory, then watch `files` in it.
    fn start(files: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        Self::at_pace(ONLY_TOLD, files, prepare)
    }

    fn at_pace(pace: Pace, files: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let home = temporary.path().canonicalize().unwrap();
        prepare(&home);
        let (tell, changes) = mpsc::channel();
        let files = files.iter().map(|file| home.join(file)).collect();
        let watch = Watch::at_pace(pace, files, move |changed| tell.send(changed).unwrap()).unwrap();
        Self {
            home,
            changes,
            watch,
            _temporary: temporary,
        }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.home.join(file), text).unwrap();
    }

    /// The next change is one of these files alone.
    fn expect(&self, files: &[&str]) {
        let expected: Vec<PathBuf> = files.iter().map(|file| self.home.join(file)).collect();
        assert_eq!(self.changes.recv_timeout(LONG).unwrap().files, expected);
    }
}

#[test]
fn a_file_written_in_place_is_noticed() {
    let watching = Watching::start(&["a"], |home| fs::write(home.join("a"), "1").unwrap());
    for text in ["2", "3", "a longer text"] {
        watching.write("a", text);
        watching.expect(&["a"]);
    }
}

#[test]
fn a_file_replaced_by_renaming_is_noticed() {
    let watching = Watching::start(&["a"], |home| fs::write(home.join("a"), "1").unwrap());
    for text in ["2", "3"] {
        watching.write("new", text);
        fs::rename(watching.home.join("new"), watching.home.join("a")).unwrap();
        watching.expect(&["a"]);
    }
}

#[test]
fn a_file_removed_and_made_again_is_noticed_when_it_holds_something_else() {
    let watching = Watching::start(&["a", "b"], |home| {
        fs::write(home.join("a"), "1").unwrap();
        fs::write(home.join("b"), "1").unwrap();
    });
    fs::remove_file(watching.home.join("a")).unwrap();
    fs::remove_file(watching.home.join("b")).unwrap();
    watching.write("a", "1");
    watching.write("b", "2");
    watching.expect(&["b"]);
}

#[test]
fn a_file_that_is_gone_is_reported_when_it_is_back_with_something_else() {
    let watching = Watching::start(&["a", "b"], |home| {
        fs::write(home.join("a"), "1").unwrap();
        fs::write(home.join("b"), "1").unwrap();
    });
    fs::remove_file(watching.home.join("b")).unwrap();
    watching.write("a", "2");
    watching.expect(&["a"]);
    watching.write("b", "1");
    watching.write("a", "3");
    watching.expect(&["a"]);
    watching.write("b", "2");
    watching.expect(&["b"]);
}

#[test]
fn a_swapped_link_to_a_directory_is_noticed() {
    let watching = Watching::start(&["gateway.yaml"], |home| {
        for (version, text) in [("..1", "1"), ("..2", "2"), ("..3", "3")] {
            fs::create_dir(home.join(version)).unwrap();
            fs::write(home.join(version).join("gateway.yaml"), text).unwrap();
        }
        symlink("..1", home.join("..data")).unwrap();
        symlink("..data/gateway.yaml", home.join("gateway.yaml")).unwrap();
    });
    for version in ["..2", "..3"] {
        symlink(version, watching.home.join("..data_tmp")).unwrap();
        fs::rename(watching.home.join("..data_tmp"), watching.home.join("..data")).unwrap();
        watching.expect(&["gateway.yaml"]);
    }
    // The file behind the links is watched as well.
    watching.write("..3/gateway.yaml", "4");
    watching.expect(&["gateway.yaml"]);
}

#[test]
fn a_file_whose_directory_is_made_anew_is_noticed() {
    let watching = Watching::start(&["conf/a"], |home| {
        fs::create_dir(home.join("conf")).unwrap();
        fs::write(home.join("conf/a"), "1").unwrap();
    });
    for text in ["2", "3"] {
        fs::remove_dir_all(watching.home.join("conf")).unwrap();
        fs::create_dir(watching.home.join("conf")).unwrap();
        watching.write("conf/a", text);
        watching.expect(&["conf/a"]);
    }
    fs::rename(watching.home.join("conf"), watching.home.join("old")).unwrap();
    fs::create_dir(watching.home.join("conf")).unwrap();
    watching.write("conf/a", "4");
    watching.expect(&["conf/a"]);
}

#[test]
fn the_same_contents_again_are_no_change() {
    let watching = Watching::start(&["a", "b"], |home| {
        fs::write(home.join("a"), "1").unwrap();
        fs::write(home.join("b"), "1").unwrap();
    });
    watching.write("a", "1");
    watching.write("other", "1");
    watching.write("b", "2");
    watching.expect(&["b"]);
    watching.write("a", "2");
    watching.expect(&["a"]);
}

#[test]
fn other_files_may_be_watched_from_some_moment_on() {
    let watching = Watching::start(&["a"], |home| {
        fs::create_dir(home.join("secrets")).unwrap();
        fs::write(home.join("a"), "1").unwrap();
        fs::write(home.join("secrets/b"), "1").unwrap();
    });
    watching.watch.replace(vec![watching.home.join("secrets/b")]);
    // The watch hears of it in its own time.
    for text in 2.. {
        watching.write("secrets/b", &format!("{text}"));
        if let Ok(changed) = watching.changes.recv_timeout(Duration::from_millis(50)) {
            assert_eq!(changed.files, [watching.home.join("secrets/b")]);
            break;
        }
    }
    watching.write("a", "2");
    watching.write("secrets/b", "last");
    watching.expect(&["secrets/b"]);
}

#[test]
fn what_the_system_does_not_tell_is_found_by_looking() {
    let pace = Pace {
        look_again: Duration::from_millis(20),
        ..ONLY_TOLD
    };
    let watching = Watching::at_pace(pace, &["deep/er/a"], |home| {
        fs::create_dir_all(home.join("deep/er")).unwrap();
        fs::create_dir_all(home.join("next/er")).unwrap();
        fs::write(home.join("deep/er/a"), "1").unwrap();
        fs::write(home.join("next/er/a"), "2").unwrap();
    });
    // Nothing happens to the directory that holds the file.
    fs::rename(watching.home.join("deep"), watching.home.join("old")).unwrap();
    fs::rename(watching.home.join("next"), watching.home.join("deep")).unwrap();
    watching.expect(&["deep/er/a"]);
}

#[test]
fn the_watch_ends_with_its_handle() {
    let watching = Watching::start(&["a"], |_| {});
    drop(watching.watch);
    assert_eq!(watching.changes.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
}
