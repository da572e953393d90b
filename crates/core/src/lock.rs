//! Exclusive locks on files.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};

/// An exclusive lock on an open file, released when it is dropped or the process ends.
///
/// Closing the file is not enough: a process that is just being started has a copy of every open handle until its
/// program is loaded, and a copy keeps the lock. Whoever drops the lock and takes it again would sometimes find it
/// taken.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks a file without waiting. On a file system without locks it succeeds and protects nothing.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`]: someone else holds the lock. [`TryLockError::Error`]: an I/O error.
    ///
    /// ```
    /// use receptive_core::lock::FileLock;
    /// use std::fs::File;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("lock");
    /// let held = FileLock::of(&File::create(&path)?)?;
    /// assert!(FileLock::of(&File::open(&path)?).is_err());
    /// drop(held);
    /// assert!(FileLock::of(&File::open(&path)?).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn of(file: &File) -> Result<Self, TryLockError> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => return Err(error),
        }
        let same: io::Result<File> = file.try_clone();
        Ok(Self(same.map_err(TryLockError::Error)?))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // A lock that cannot be released ends with the last copy of the handle.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of the handle stands for a process that is just being started.
    #[test]
    fn a_copied_handle_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        let held = FileLock::of(&file).unwrap();
        let copy = file.try_clone().unwrap();
        drop(file);
        let other = File::open(&path).unwrap();
        assert!(matches!(
            FileLock::of(&other),
            Err(TryLockError::WouldBlock)
        ));
        drop(held);
        FileLock::of(&other).unwrap();
        drop(copy);
    }
}
