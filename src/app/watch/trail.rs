//! The way from the root to a file, through all symbolic links.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// What has to be watched to hear that a path has come to mean another file.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// Directories that hold the file or a link on the way; without links in their own names.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Every name on the way: an event for another one matters to nobody.
    pub(super) names: BTreeSet<PathBuf>,
}

/// As many as the kernel follows.
const LINKS_MAX: u32 = 40;

impl Trail {
    pub(super) fn add(&mut self, path: &Path) {
        // Fails only for an empty path.
        let Ok(path) = std::path::absolute(path) else { return };
        let mut ahead = parts(&path);
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            if part == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&part);
            self.names.insert(next.clone());
            let Ok(found) = next.symlink_metadata() else {
                // Wait here for what is missing.
                self.directories.insert(here);
                return;
            };
            if found.is_symlink() {
                links += 1;
                self.directories.insert(here.clone());
                let Ok(target) = next.read_link() else { return };
                if links > LINKS_MAX {
                    return;
                }
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    ahead.push_front(part);
                }
            } else if ahead.is_empty() {
                self.directories.insert(here);
                return;
            } else {
                here = next;
            }
        }
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let named = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    named.map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn home() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().canonicalize().unwrap();
        (home, path)
    }

    fn trail(path: &Path) -> Trail {
        let mut trail = Trail::default();
        trail.add(path);
        trail
    }

    #[test]
    fn every_link_on_the_way_is_watched_where_it_stands() {
        let (_home, home) = home();
        fs::create_dir_all(home.join("mount/..2027")).unwrap();
        fs::write(home.join("mount/..2027/gateway.yaml"), "").unwrap();
        symlink("..2027", home.join("mount/..data")).unwrap();
        symlink("..data/gateway.yaml", home.join("mount/gateway.yaml")).unwrap();
        symlink(home.join("mount"), home.join("etc")).unwrap();
        let trail = trail(&home.join("etc/../etc/gateway.yaml"));
        let expected = [home.clone(), home.join("mount"), home.join("mount/..2027")];
        assert_eq!(trail.directories, BTreeSet::from(expected));
        assert!(trail.names.contains(&home.join("mount/..data")));
        assert!(trail.names.contains(&home.join("mount/..2027/gateway.yaml")));
    }

    #[test]
    fn what_is_missing_is_awaited_in_the_nearest_directory() {
        let (_home, home) = home();
        let trail = trail(&home.join("not/yet/there.yaml"));
        assert_eq!(trail.directories, BTreeSet::from([home.clone()]));
        assert!(trail.names.contains(&home.join("not")));
    }

    #[test]
    fn a_circle_of_links_ends() {
        let (_home, home) = home();
        symlink("b", home.join("a")).unwrap();
        symlink("a", home.join("b")).unwrap();
        assert_eq!(trail(&home.join("a/c")).directories, BTreeSet::from([home]));
    }
}
