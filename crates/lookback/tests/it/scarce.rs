//! A machine that has too little of something: room on its disk, the right to write, memory. Each ends in
//! one sentence and exit code 1 or 2, what was kept stays as it was, and going on gives the bits of a run
//! that lacked nothing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "what could be tried here is worth reading")]

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use crate::fixture::{self, Fixture, ProgramOutput, SMALL, sentence};

/// Everything in a run's directory.
fn files(fixture: &Fixture, run: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = fixture.at(run);
    let all = fixture.files().into_iter();
    all.filter_map(|(path, bytes)| Some((path.strip_prefix(&folder).ok()?.to_owned(), bytes)))
        .collect()
}

/// A script of bash in the fixture's folder, `$lookback` being the program; in a name space of its own where
/// it may mount.
fn script(fixture: &Fixture, mounts: bool, text: &str) -> Command {
    let mut program = if mounts { Command::new("unshare") } else { Command::new("bash") };
    if mounts {
        program.args(["--user", "--map-root-user", "--mount", "bash"]);
    }
    program.args(["-c", text]).current_dir(fixture.at(""));
    program
        .env("lookback", env!("CARGO_BIN_EXE_lookback"))
        .env("LOOKBACK_HOME", fixture.at("home"));
    program.env_remove("LOOKBACK_PATH");
    program
}

/// Whether this machine lets a test mount something; where not, `train/tests/it/faults.rs` lets the same
/// calls fail.
fn may_mount(fixture: &Fixture) -> bool {
    let may = script(fixture, true, "mkdir -p try && mount -t tmpfs -o size=64k try try");
    let may = { may }.output().is_ok_and(|done| done.status.success());
    if !may {
        println!("nothing can be mounted here: only injected faults say what happens");
    }
    may
}

#[test]
fn a_disk_without_room_ends_a_run_which_goes_on_when_there_is_room() {
    let fixture = Fixture::new();
    if !may_mount(&fixture) {
        return;
    }
    let line = format!("train town.txt {SMALL} --steps 40 --set checkpoint_every=10 --threads 1");
    fixture.done(&format!("{line} --out whole"));
    let bytes = files(&fixture, "whole").values().map(Vec::len).sum::<usize>();
    let (mut refused, mut gone_on) = (0, 0);
    for twelfth in 1..=12 {
        let kilobytes = bytes / 1024 * twelfth / 12;
        let text = format!(
            "mkdir -p disk && mount -t tmpfs -o size={kilobytes}k disk disk || exit 99
             $lookback {line} --out disk/run 2>said; code=$?
             [ -f disk/run/checkpoint.safetensors ] && cp disk/run/checkpoint.safetensors before
             mount -o remount,size=64m disk || exit 98
             if [ -f disk/run/training.toml ]; then again='train --resume'; else again='{line}'; fi
             [ $code = 0 ] || $lookback $again --out disk/run > went 2>&1 || {{ cat went >&2; exit 97; }}
             rm -rf run{twelfth} && cp -r disk/run run{twelfth}
             cat said >&2; exit $code"
        );
        let output = fixture::output(&mut script(&fixture, true, &text));
        if output.code == Some(0) {
            continue;
        }
        assert_eq!(output.code, Some(1), "{kilobytes} kB: {output:?}");
        let told = sentence("full", &output);
        let why = "there is no room for it on the disk; make room";
        assert!(told.starts_with("disk/run") && told.contains(why), "{kilobytes} kB: {told}");
        let is_kept = told.contains("the last checkpoint is kept in disk/run");
        assert_eq!(is_kept, fixture.at("before").exists(), "{kilobytes} kB: {told}");
        refused += 1;
        gone_on += usize::from(is_kept);
        drop(std::fs::remove_file(fixture.at("before")));
        let run = format!("run{twelfth}");
        assert!(files(&fixture, &run) == files(&fixture, "whole"), "{kilobytes} kB");
    }
    println!("{refused} disks were too small, {gone_on} of them after a checkpoint");
    assert!(refused >= 6 && gone_on >= 2, "{refused} refused, {gone_on} gone on with");
}

#[test]
fn a_disk_without_room_leaves_nothing_of_what_is_converted() {
    let fixture = Fixture::with_model();
    if !may_mount(&fixture) {
        return;
    }
    for (out, kilobytes) in [("a.gguf", 4), ("a.gguf", 20), ("a", 4), ("a", 20)] {
        let text = format!(
            "mkdir -p disk && mount -t tmpfs -o size={kilobytes}k disk disk || exit 99
             $lookback convert good disk/{out}; code=$?
             [ -z \"$(ls -A disk)\" ] || {{ ls -lA disk >&2; exit 98; }}
             exit $code"
        );
        let output = fixture::output(&mut script(&fixture, true, &text));
        assert_eq!(output.code, Some(1), "{out} in {kilobytes} kB: {output:?}");
        let told = sentence("full", &output);
        let why = "there is no room for it on the disk; make room";
        assert!(told.starts_with(&format!("disk/{out}")) && told.ends_with(why), "{told}");
    }
}

#[test]
fn a_directory_that_can_only_be_read_is_left_as_it_is() {
    let fixture = Fixture::new();
    if !may_mount(&fixture) {
        return;
    }
    let line = format!("train town.txt {SMALL} --set checkpoint_every=10 --threads 1");
    fixture.done(&format!("{line} --steps 20 --out run"));
    fixture.done(&format!("{line} --steps 20 --out other"));
    let before = files(&fixture, "run");
    assert!(before == files(&fixture, "other"));
    let read_only = "mount --bind run run && mount -o remount,bind,ro run || exit 99";
    for what in ["--resume --steps 40 --out run", "town.txt --out run/inner --steps 3"] {
        let text = format!("{read_only}\n exec $lookback train {what}");
        let output = fixture::output(&mut script(&fixture, true, &text));
        assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:?}");
        let told = sentence("read only", &output);
        assert!(told.starts_with("run/"), "{told}");
        assert!(
            told.contains("its file system can only be read; write to another place"),
            "{told}"
        );
        assert!(files(&fixture, "run") == before, "{what}: something was changed");
    }
    for run in ["run", "other"] {
        fixture.done(&format!("train --resume --steps 40 --out {run}"));
    }
    assert!(files(&fixture, "run") == files(&fixture, "other"));
}

#[test]
fn a_directory_that_is_moved_away_keeps_its_checkpoint() {
    let fixture = Fixture::new();
    let line = format!("train town.txt {SMALL} --set checkpoint_every=20 --threads 1 --steps 1500");
    fixture.done(&format!("{line} --out whole"));
    let text = format!(
        "$lookback {line} --out run 2>said & pid=$!
         until [ -f run/checkpoint.safetensors ]; do sleep 0.01; done
         mv run moved; wait $pid; code=$?; cat said >&2; exit $code"
    );
    let output = fixture::output(&mut script(&fixture, false, &text));
    assert_eq!(output.code, Some(1), "{output:?}");
    let told = sentence("moved", &output);
    assert!(told.contains("it could not be written, since its directory is not there"), "{told}");
    fixture.done("train --resume --out moved");
    assert!(files(&fixture, "moved") == files(&fixture, "whole"));
}

/// Runs the program with so many kilobytes of memory of its own; files that are mapped do not count.
fn with_memory(fixture: &Fixture, kilobytes: u64, line: &str) -> ProgramOutput {
    let text = format!("ulimit -d {kilobytes}; exec $lookback {line}");
    fixture::output(&mut script(fixture, false, &text))
}

#[test]
fn memory_that_ends_ends_a_run_in_one_sentence_and_costs_it_nothing() {
    let fixture = Fixture::new();
    let line = format!(
        "train town.txt {SMALL} --set width=128 --set hidden=384 --set layers=4 --threads 1"
    );
    fixture.done(&format!("{line} --steps 3 --out run"));
    fixture.done(&format!("{line} --steps 3 --out whole"));
    fixture.done("train --resume --steps 6 --out whole");
    let kept = fixture.read("run/checkpoint.safetensors");
    let (mut planned, mut ended, mut done) = (0, 0, 0);
    // From too little for anything to enough.
    for kilobytes in (2_000..80_000).step_by(1_500) {
        let output =
            with_memory(&fixture, kilobytes, "train --resume --steps 6 --out run --threads 1");
        match output.code {
            Some(0) => {
                done += 1;
                break;
            }
            Some(1) => {
                let told = sentence("memory", &output);
                assert!(told.starts_with("there is no memory left, and "), "{kilobytes}: {told}");
                ended += 1;
            }
            Some(2) => {
                let told = sentence("memory", &output);
                assert!(told.starts_with("training needs "), "{kilobytes}: {told}");
                planned += 1;
            }
            _ => panic!("{kilobytes} kB: {output:?}"),
        }
        assert!(fixture.read("run/checkpoint.safetensors") == kept, "{kilobytes} kB");
    }
    println!("memory ended {ended} times and was refused beforehand {planned} times");
    assert!(done == 1 && planned > 0, "{planned} planned, {ended} ended, {done} done");
    assert!(files(&fixture, "run") == files(&fixture, "whole"));
}

#[test]
fn a_text_larger_than_memory_is_learned_from_and_judged_by() {
    let fixture = Fixture::new();
    let town = fixture.read("town.txt");
    let bytes = 16 << 20;
    fixture.write("large.txt", town.repeat(bytes / town.len()));
    // All memory that the process may have is less than the text, let alone its tokens.
    let kilobytes = 14 << 10;
    let shape = "--set width=8 --set hidden=8 --set context=64 --set batch=16 --threads 1";
    let line = format!("train large.txt {SMALL} {shape} --steps 2 --out run");
    let output = with_memory(&fixture, kilobytes, &line);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let header = 8 + 3 * 8;
    let tokens = (std::fs::metadata(fixture.at("run/tokens.bin")).unwrap().len() - header) / 4;
    assert!(tokens > kilobytes * 1024, "{tokens} tokens");
    // Of what it is judged by, the tokens are more than the memory; with all of it that takes three times as long.
    let large = fixture.read("large.txt");
    let judged = if std::env::var_os("LOOKBACK_FULL").is_some() { large.len() } else { 6 << 20 };
    fixture.write("judged.txt", &large[..judged]);
    let tokens = tokens as usize - (large.len() - judged);
    let output = with_memory(&fixture, kilobytes, "eval run judged.txt --threads 1");
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert!(output.stdout.ends_with(&format!(" {} tokens\n", tokens - 1)), "{output:?}");
}
