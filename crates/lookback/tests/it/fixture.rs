//! A folder with a small text and, where asked for, a small model; and the program run inside it.

#![allow(dead_code, reason = "each test file uses its part of the fixture")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the program said and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A folder to work in, gone when the test ends.
pub struct Fixture(tempfile::TempDir);

/// A shape that trains in no time: 1 layer, 2 heads, 32 wide, a context of 16, batches of 4. Learns by
/// AdamW in f32 and is a plain llama, whatever the presets come to be.
pub const SMALL: &str = "--tokenizer char --set layers=1 --set heads=2 --set key_heads=2 \
                         --set width=32 --set hidden=48 --set context=16 --set batch=4 \
                         --set head_norm=false --set optimizer=adamw --set compute=f32 \
                         --set rate=0.004 --set table_share=1";

impl Fixture {
    /// A folder with `town.txt` in it, a text of some 20 kB.
    pub fn new() -> Self {
        let fixture = Self(tempfile::tempdir().unwrap());
        let mut town = String::new();
        for day in 0..400 {
            let (who, what) = (["tom", "anna", "the bird"][day % 3], ["sees", "hears"][day % 2]);
            town +=
                &format!("on day {day} {who} {what} the {} house.\n", ["red", "old"][day / 7 % 2]);
        }
        fixture.write("town.txt", town);
        fixture
    }

    /// A folder with a text and the model `good`, which has learned five steps from it.
    pub fn with_model() -> Self {
        let fixture = Self::new();
        fixture.done(&format!("train town.txt {SMALL} --steps 5 --out good"));
        fixture
    }

    /// A place in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
    }

    /// A file's bytes.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }

    /// Writes `to` as `from` with something replaced; it must be there.
    pub fn replace(&self, from: &str, to: &str, old: &str, new: &str) {
        let text = String::from_utf8(self.read(from)).unwrap();
        assert!(text.contains(old), "{from} has no {old}: {text}");
        self.write(to, text.replace(old, new));
    }

    /// Copies a directory of files, without its folders.
    pub fn copy(&self, from: &str, to: &str) {
        fs::create_dir_all(self.at(to)).unwrap();
        for entry in fs::read_dir(self.at(from)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), self.at(to).join(entry.file_name())).unwrap();
            }
        }
    }

    /// The program with these arguments, which no setting of the machine reaches.
    pub fn program<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_lookback"));
        program.args(arguments).current_dir(self.0.path()).stdin(std::process::Stdio::null());
        program.env_remove("LOOKBACK_PATH").env_remove("HF_HUB_CACHE");
        program.env("LOOKBACK_HOME", self.at("home")).env("HF_HOME", self.at("cache"));
        program
    }

    /// Runs a line of arguments, which spaces divide.
    pub fn lookback(&self, line: &str) -> ProgramOutput {
        output(&mut self.program(line.split_whitespace()))
    }

    /// Runs what must go well, and gives its stdout.
    pub fn done(&self, line: &str) -> String {
        let output = self.lookback(line);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{line}: {output:?}");
        output.stdout
    }

    /// Runs what must be refused, and gives the sentence after `lookback: `: exit code 2, nothing
    /// on stdout but the refusal itself where JSON is asked for, one line on stderr, and not a file made,
    /// changed or removed.
    pub fn refused(&self, line: &str) -> String {
        self.refused_program(line, &mut self.program(line.split_whitespace()))
    }

    /// As [`refused`](Self::refused), for a program that was prepared.
    pub fn refused_program(&self, line: &str, program: &mut Command) -> String {
        let before = self.files();
        let output = output(program);
        let is_json = program.get_args().any(|argument| argument == "--json");
        let is_alone = match is_json {
            true => output.stdout.starts_with("{\"error\":") && output.stdout.lines().count() == 1,
            false => output.stdout.is_empty(),
        };
        assert!(output.code == Some(2) && is_alone, "{line}: {output:?}");
        let after = self.files();
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after), "{line}");
        assert!(before == after, "{line}: a file was changed");
        sentence(line, &output)
    }

    /// Every file and folder, with what is in it.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(self.0.path(), &mut files);
        files
    }
}

/// The folder with goldens, data and real models.
pub fn shared() -> PathBuf {
    env::var_os("LOOKBACK_SHARED").expect("LOOKBACK_SHARED names the folder of goldens").into()
}

/// Where the peers keep the real models: in the folder `PEERS`, or under the home.
pub fn real_models() -> PathBuf {
    let peers = env::var_os("PEERS").map(PathBuf::from);
    let peers = peers.unwrap_or_else(|| {
        PathBuf::from(env::var_os("HOME").unwrap()).join(".cache/lookback-peers")
    });
    peers.join("models")
}

/// Runs a program to its end.
pub fn output(program: &mut Command) -> ProgramOutput {
    let done = program.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    // A run that takes long on a busy machine says every ten seconds how far it has come.
    let is_progress = |line: &&str| line.starts_with("lookback: step ") && line.contains("  loss ");
    let stderr = text(done.stderr);
    let stderr = stderr.split_inclusive('\n').filter(|line| !is_progress(line)).collect();
    ProgramOutput { code: done.status.code(), stdout: text(done.stdout), stderr }
}

/// The one sentence on stderr, without `lookback: `.
pub fn sentence(line: &str, output: &ProgramOutput) -> String {
    let rest = output.stderr.strip_prefix("lookback: ").and_then(|rest| rest.strip_suffix('\n'));
    let sentence = rest.unwrap_or_else(|| panic!("{line}: {output:?}"));
    let is_one = !sentence.contains('\n') && !sentence.ends_with('.') && !sentence.is_empty();
    assert!(is_one, "{line}: {sentence}");
    sentence.to_owned()
}

fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.insert(entry.path(), Vec::new());
            walk(&entry.path(), files);
        } else {
            files.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
}
