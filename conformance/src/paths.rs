//! Where the Unix sockets of a case are.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of a case's own.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_real: bool,
    sockets: u32,
}

impl Folder {
    /// A new one.
    pub(crate) fn new() -> io::Result<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        // Short: the path of a Unix socket has room for a hundred bytes.
        let name = format!("bayonet-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Folder {
            path,
            is_real: true,
            sockets: 0,
        })
    }

    /// One that a simulation has no need to make.
    pub(crate) fn imagined() -> Self {
        Folder {
            path: "/case".into(),
            is_real: false,
            sockets: 0,
        }
    }

    /// A path that was not given before.
    pub(crate) fn next(&mut self) -> String {
        self.sockets += 1;
        let path = self.path.join(format!("{}.sock", self.sockets));
        path.to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_real {
            // It is a temporary one: what cannot be removed now, the system will.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
