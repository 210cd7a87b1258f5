//! The calls of the operating system that writing makes, so that tests can let each fail.
//!
//! The program only ever uses [`Real`]. A test puts another in its place for what runs on its own
//! thread, with [`with`].

use std::{
    cell::RefCell,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
    rc::Rc,
};

/// The calls that change what is on disk.
pub trait System {
    /// Makes a new file, readable by all less what the umask takes away.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    /// Opens a file to write at its end, and makes it if need be.
    fn append(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(path)
    }

    /// Writes some of the bytes and returns how many.
    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    /// Waits until a file's bytes are on the disk itself.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Gives a file another name; what had that name is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Waits until the names in a folder are on the disk itself.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Not every system lets a folder be opened, and not every file system can wait for one; names
        // are then as safe as it makes them.
        if cfg!(unix) {
            match File::open(folder)?.sync_all() {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
                done => done,
            }
        } else {
            Ok(())
        }
    }

    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    /// Takes a file's name away.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Takes a folder away with all that is in it.
    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    /// Makes a folder and those above it.
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }
}

/// The operating system's own.
#[derive(Clone, Copy, Debug)]
pub struct Real;

impl System for Real {}

thread_local! {
    static SYSTEM: RefCell<Rc<dyn System>> = RefCell::new(Rc::new(Real));
}

/// The system that this thread writes with.
pub(crate) fn system() -> Rc<dyn System> {
    SYSTEM.with_borrow(Rc::clone)
}

/// Does something with another system in place of the real one, on this thread.
pub fn with<T>(other: Rc<dyn System>, work: impl FnOnce() -> T) -> T {
    /// Puts the system before it back, whatever happens.
    struct Back(Option<Rc<dyn System>>);
    impl Drop for Back {
        fn drop(&mut self) {
            if let Some(before) = self.0.take() {
                SYSTEM.replace(before);
            }
        }
    }
    let _back = Back(Some(SYSTEM.replace(other)));
    work()
}
