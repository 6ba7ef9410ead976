//! The file of a unix listener: made so that nobody else may ever connect, taken over only from the dead, removed at the
//! end only if it is still ours.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, SockAddr, Socket, Type};

/// The owner and the group may connect, which takes the right to write.
const MODE: u32 = 0o660;

/// A socket's place in the file system, given up when dropped: before the last descriptor of the socket is closed, for
/// until then no other file can have the same number.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: Arc<Path>,
    identity: (u64, u64),
}

impl SocketFile {
    /// Remove the file, if there is one and it is still ours: nobody finds the socket any more.
    pub(super) fn remove(&self) -> io::Result<()> {
        match identity(&self.path) {
            Ok(found) if found == self.identity => fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(path = %self.path.display(), %error, "the file of a unix socket stays behind");
        }
    }
}

/// A socket that listens at `path`.
pub(super) fn listen(path: &Arc<Path>, backlog: i32) -> io::Result<(UnixListener, SocketFile)> {
    let socket = match bound(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_dead(path)?;
            bound(path)?
        }
        outcome => outcome?,
    };
    let file = SocketFile {
        path: Arc::clone(path),
        identity: identity(path)?,
    };
    // The process's umask may have taken the group's right away.
    if mode(path)? != MODE {
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
    }
    socket.listen(backlog)?;
    Ok((socket.into(), file))
}

fn bound(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    // Before the file exists, so that it is never open to others, not even for a moment: it is made with the mode of the
    // socket. The umask would do the same for every file that another thread makes meanwhile.
    File::from(socket.as_fd().try_clone_to_owned()?).set_permissions(Permissions::from_mode(MODE))?;
    socket.bind(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// Remove a socket that nobody listens on any more. Anything else that stands in the way stays.
fn remove_dead(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a file that is no socket is in the way",
        ));
    }
    let caller = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    match caller.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        // Somebody listens, and has no place left at the moment.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::AddrInUse.into()),
        Err(error) => return Err(error),
        Ok(()) => return Err(io::ErrorKind::AddrInUse.into()),
    }
    // Another gateway may have taken the place over in between.
    if identity(path)? != identity_of(&found) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    fs::remove_file(path)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| identity_of(&found))
}

fn identity_of(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn mode(path: &Path) -> io::Result<u32> {
    fs::symlink_metadata(path).map(|found| found.permissions().mode() & 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::os::unix::net::UnixStream;

    fn place() -> (tempfile::TempDir, Arc<Path>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        (dir, path.into())
    }

    #[test]
    fn the_owner_and_the_group_may_connect_and_nobody_else() {
        let (_dir, path) = place();
        let _listening = listen(&path, 1).unwrap();
        assert_eq!(mode(&path).unwrap(), 0o660);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_socket_somebody_listens_on_is_not_taken_away() {
        let (_dir, path) = place();
        let (first, _file) = listen(&path, 0).unwrap();
        assert_eq!(listen(&path, 1).unwrap_err().kind(), ErrorKind::AddrInUse);
        // Also when its queue is full.
        let caller = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).unwrap();
        let full = caller.connect(&SockAddr::unix(&path).unwrap()).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        assert_eq!(listen(&path, 1).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert!(first.accept().is_ok());
    }

    #[test]
    fn a_dead_socket_is_replaced_and_another_file_is_not() {
        let (_dir, path) = place();
        drop(UnixListener::bind(&path).unwrap());
        assert!(fs::symlink_metadata(&path).is_ok(), "nobody left a socket behind");
        drop(listen(&path, 1).unwrap());
        assert!(fs::symlink_metadata(&path).is_err(), "ours was left behind");

        fs::write(&path, "precious").unwrap();
        assert_eq!(listen(&path, 1).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_file_that_another_process_has_put_there_stays() {
        let (_dir, path) = place();
        let ours = listen(&path, 1).unwrap();
        fs::remove_file(&path).unwrap();
        let _theirs = UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    }

    #[test]
    fn a_link_in_the_way_is_no_socket() {
        let (dir, path) = place();
        let elsewhere = dir.path().join("b.sock");
        drop(UnixListener::bind(&elsewhere).unwrap());
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert_eq!(listen(&path, 1).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(fs::symlink_metadata(&elsewhere).is_ok());
    }
}
