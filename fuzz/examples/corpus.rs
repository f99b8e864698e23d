//! Writes the seed corpus where libFuzzer looks for it: the seeds, and some thousand changed ones.
//!
//! ```text
//! cargo run -p bayonet-fuzz --example corpus -- fuzz/libfuzzer/corpus
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use bayonet_fuzz::TARGETS;
use bayonet_fuzz::seeds::{Choices, SEEDS};

/// How many changed seeds each target begins with. It keeps those that reach something new.
const CHANGED: usize = 2000;

fn main() -> ExitCode {
    let Some(corpus) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("say where the corpus is to be: fuzz/libfuzzer/corpus");
        return ExitCode::FAILURE;
    };
    for (name, _) in TARGETS {
        let folder = corpus.join(name);
        if let Err(error) = write(&folder) {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in SEEDS.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:02}")), seed)?;
    }
    let mut choices = Choices::new(1);
    for number in 0..CHANGED {
        fs::write(folder.join(format!("changed-{number:04}")), choices.input())?;
    }
    Ok(())
}
