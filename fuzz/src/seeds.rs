//! `seeds FOLDER`: writes where each target's search begins, into a folder of its name.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("seeds FOLDER: the folder is missing"))?;
    for (target, seeds) in lookback_fuzz::TARGETS {
        fs::create_dir_all(folder.join(target))?;
        for (number, seed) in seeds().into_iter().enumerate() {
            fs::write(folder.join(target).join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
