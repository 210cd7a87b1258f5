//! A run whose every call that writes fails once, or is its last: no file is lost, and going on gives
//! the bits of the run that nothing happened to.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "how many cases there were is worth reading")]

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
};

use lookback_engine::ThreadPool;
use lookback_files::{
    Blame, Kind, Result,
    system::{Real, System, with},
};
use lookback_model::{Network, TokenId};
use lookback_text::dataset::{Dataset, Windows};
use lookback_train::{Checkpoint, Directory, Recipe, Source, Trainer, TrainingLoop, preset};
use sha2::Digest;

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// That call fails, and those after it do not.
    Fails(ErrorKind),
    /// The process dies in its midst: nothing is done any more, not even what tidies up.
    Dies,
}

/// A system that counts the calls, and lets one of them go wrong.
#[derive(Debug)]
struct Faulty {
    fault: Fault,
    at: u64,
    calls: Cell<u64>,
}

impl Faulty {
    fn new(fault: Fault, at: u64) -> Rc<Self> {
        Rc::new(Self { fault, at, calls: Cell::new(0) })
    }

    fn call(&self) -> io::Result<()> {
        self.calls.set(self.calls.get() + 1);
        match self.fault {
            Fault::Fails(kind) if self.calls.get() == self.at => Err(kind.into()),
            Fault::Dies if self.calls.get() >= self.at => Err(ErrorKind::Other.into()),
            _ => Ok(()),
        }
    }
}

impl System for Faulty {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.call().and_then(|()| Real.create(path))
    }

    fn append(&self, path: &Path) -> io::Result<File> {
        self.call().and_then(|()| Real.append(path))
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let is_its_last = self.calls.get() + 1 == self.at;
        if is_its_last {
            // Half of it is on the disk already.
            Real.write(file, &bytes[..bytes.len() / 2])?;
        }
        self.call().and_then(|()| Real.write(file, bytes))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.call().and_then(|()| Real.sync(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call().and_then(|()| Real.rename(from, to))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call().and_then(|()| Real.sync_folder(folder))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call().and_then(|()| Real.link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| Real.remove(path))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| Real.create_directory(path))
    }
}

fn recipe() -> Recipe {
    let mut recipe = preset("tiny").unwrap();
    let small = "layers=1 heads=2 key_heads=2 width=8 hidden=8 context=4 batch=2 steps=6 \
                 checkpoint_every=2 validate_every=3 checkpoints=2";
    small.split_whitespace().for_each(|setting| recipe.set(setting).unwrap());
    recipe
}

fn trainer(recipe: &Recipe) -> Result<Trainer> {
    let network = Arc::new(Network::new(&recipe.config(11, None)?));
    Trainer::new(network, recipe, Arc::new(ThreadPool::single_threaded()))
}

/// Begins a run in a directory, or goes on with the one that is there, as `lookback train` does.
fn train(path: &Path) -> Result<()> {
    let is_begun = path.join("training.toml").exists();
    let directory = if is_begun { Directory::existing(path)? } else { Directory::new(path)? };
    let recipe = if is_begun { directory.read_settings()? } else { recipe() };
    let ids: Vec<TokenId> = (0..200).map(|at| TokenId(at * at % 11)).collect();
    let data = Dataset::new(ids, Vec::new());
    let mut trainer = trainer(&recipe)?;
    let _lock = if is_begun {
        let lock = directory.lock()?;
        directory.restore(&mut trainer)?;
        directory.remove_partial_files()?;
        lock
    } else {
        let lock = directory.create()?;
        directory.write_tokens(&data)?;
        lock
    };
    directory.cut_metrics(trainer.steps())?;
    directory.write_settings(&recipe)?;
    let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
    let (source, stop) = (Source { data, windows }, AtomicBool::new(false));
    let directory = Some(&directory);
    let (trainer, source, stop) = (&mut trainer, &source, &stop);
    let mut course = TrainingLoop { trainer, source, directory, stop };
    course.run(None, &mut |_| Ok(())).map(drop)
}

/// Everything in a directory, by name.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => drop(files.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    files
}

fn names_and_bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let bare = |(path, bytes): (PathBuf, _)| (path.strip_prefix(folder).unwrap().into(), bytes);
    files(folder).into_iter().map(bare).collect()
}

/// A run without faults: its files, and how many calls it takes.
fn undisturbed() -> (BTreeMap<PathBuf, Vec<u8>>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let counting = Faulty::new(Fault::Dies, u64::MAX);
    with(counting.clone(), || train(&folder.path().join("run"))).unwrap();
    (names_and_bytes(&folder.path().join("run")), counting.calls.get())
}

#[test]
fn a_run_that_dies_at_any_call_loses_nothing() {
    let (whole, calls) = undisturbed();
    let kept = ["checkpoint.safetensors", "checkpoint-00000004.safetensors", "model.safetensors"];
    assert!(kept.iter().all(|name| whole.contains_key(Path::new(name))), "{:?}", whole.keys());
    assert!(!whole.contains_key(Path::new("checkpoint-00000002.safetensors")));
    assert!(calls > 80, "{calls} calls");
    for at in 1..=calls {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        with(Faulty::new(Fault::Dies, at), || train(&run)).unwrap_err();
        if run.exists() {
            // A process that was killed leaves its lock behind.
            fs::write(run.join("run.lock"), "4000000000").unwrap();
        }
        train(&run).unwrap_or_else(|refusal| panic!("after call {at} of {calls}: {refusal}"));
        assert!(names_and_bytes(&run) == whole, "after call {at} of {calls}");
    }
}

#[test]
fn a_call_that_fails_is_told_and_what_was_kept_stays() {
    let (whole, calls) = undisturbed();
    // Of a folder that is not there, lookback's own tests take one away.
    for kind in [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied]
    {
        let mut told = 0;
        for at in 1..=calls {
            let folder = tempfile::tempdir().unwrap();
            let run = folder.path().join("run");
            // A call may fail without harm: what cannot be linked is copied.
            if let Err(refusal) = with(Faulty::new(Fault::Fails(kind), at), || train(&run)) {
                told += 1;
                assert_eq!((refusal.blame(), refusal.kind()), (Blame::Ours, Kind::Io), "{refusal}");
                let sentence = refusal.to_string();
                assert!(sentence.contains(run.to_str().unwrap()), "{sentence}");
                let is_kept = run.join("checkpoint.safetensors").exists();
                assert_eq!(sentence.contains("; the last checkpoint is kept in "), is_kept);
                if run.exists() && !run.join("training.toml").exists() {
                    fs::write(run.join("run.lock"), "").unwrap();
                }
                train(&run).unwrap_or_else(|refusal| panic!("after call {at}: {refusal}"));
            }
            assert!(names_and_bytes(&run) == whole, "{kind:?} at call {at} of {calls}");
        }
        assert!(told > calls / 2, "{kind:?} was told {told} times of {calls}");
    }
}

#[test]
fn a_checkpoint_that_was_damaged_is_passed_over_for_the_one_before() {
    let (whole, _) = undisturbed();
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run).unwrap();
    let newest = run.join("checkpoint.safetensors");
    let bytes = fs::read(&newest).unwrap();
    for broken in [&bytes[..0], &bytes[..7], &bytes[..bytes.len() / 2], &bytes[..bytes.len() - 1]] {
        fs::write(&newest, broken).unwrap();
        train(&run).unwrap();
        assert!(names_and_bytes(&run) == whole);
    }
}

#[test]
fn a_checkpoint_that_is_cut_or_has_a_bit_turned_over_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run).unwrap();
    let whole = fs::read(run.join("checkpoint.safetensors")).unwrap();
    let mut trainer = trainer(&recipe()).unwrap();
    let damaged = folder.path().join("damaged.safetensors");
    let mut refused = |bytes: &[u8], how: &str| {
        fs::write(&damaged, bytes).unwrap();
        let Err(refusal) = Checkpoint::read(&damaged, &mut trainer) else { panic!("{how}") };
        let sentence = refusal.to_string();
        assert!(sentence.starts_with(damaged.to_str().unwrap()), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    };
    let mut bytes = whole.clone();
    for at in 0..bytes.len() {
        // Another bit of each byte; all of those that say how long the header is.
        for bit in (0..8).filter(|bit| at < 8 || *bit == at * 5 % 8) {
            bytes[at] ^= 1 << bit;
            refused(&bytes, &format!("bit {bit} of byte {at} was turned over"));
            bytes[at] ^= 1 << bit;
        }
        refused(&bytes[..at], &format!("it was cut at {at}"));
    }
    println!("{} checkpoints were cut, {} had a bit turned over", whole.len(), whole.len() + 56);
    // As it was, it is read.
    fs::write(&damaged, &whole).unwrap();
    Checkpoint::read(&damaged, &mut trainer).unwrap();
}

#[test]
fn a_checkpoint_with_the_names_of_earlier_versions_is_read_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run).unwrap();
    let whole = fs::read(run.join("checkpoint.safetensors")).unwrap();
    let (length, rest) = whole.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header = String::from_utf8(header.to_vec()).unwrap();
    let older = header.replace(".mlp.up.", ".mlp.linear.").replace(".mlp.gate.", ".mlp.up.");
    assert_ne!(older, header);
    let older = [&(older.len() as u64).to_le_bytes(), older.as_bytes(), data].concat();
    // The checksum is of the names as well.
    let sum = older.len() - 32;
    let older = [&older[..sum], &sha2::Sha256::digest(&older[..sum])].concat();
    let path = folder.path().join("older.safetensors");
    fs::write(&path, older).unwrap();
    let mut restored = trainer(&recipe()).unwrap();
    Checkpoint::read(&path, &mut restored).unwrap();
    let again = folder.path().join("again.safetensors");
    Checkpoint::write(&again, &restored).unwrap();
    assert!(fs::read(&again).unwrap() == whole);
}
