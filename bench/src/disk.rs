use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::measure::micros;

/// A directory of this run's own, removed at its end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(parent: &Path) -> Result<Self> {
        let path = parent.join(format!("cloakroom-bench-{}", std::process::id()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left over is in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the disk asks for one durable write: 4 KiB appended and synced, in microseconds each.
pub fn durable_appends(directory: &Path, count: usize) -> Result<Vec<f64>> {
    let mut file = File::create_new(directory.join("append"))?;
    let page = [7; 4096];
    let mut each = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        each.push(micros(begun.elapsed()));
    }
    std::fs::remove_file(directory.join("append"))?;
    Ok(each)
}
