//! A machine that has too little of something: room on its disk, the right to write, memory. Each ends in
//! one sentence and exit code 1 or 2, what was kept stays as it was, and going on gives the bits of a run
//! that lacked nothing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "what could be tried here is worth reading")]

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use crate::world::{self, SMALL, Said, World, sentence};

/// Everything in a run's directory.
fn files(world: &World, run: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = world.at(run);
    let all = world.files().into_iter();
    all.filter_map(|(path, bytes)| Some((path.strip_prefix(&folder).ok()?.to_owned(), bytes)))
        .collect()
}

/// A script of bash in the world's folder, `$lookback` being the program; in a name space of its own where
/// it may mount.
fn script(world: &World, mounts: bool, text: &str) -> Command {
    let mut program = if mounts { Command::new("unshare") } else { Command::new("bash") };
    if mounts {
        program.args(["--user", "--map-root-user", "--mount", "bash"]);
    }
    program.args(["-c", text]).current_dir(world.at(""));
    program.env("lookback", env!("CARGO_BIN_EXE_lookback")).env("LOOKBACK_HOME", world.at("home"));
    program.env_remove("LOOKBACK_PATH");
    program
}

/// Whether this machine lets a test mount something; where not, `train/tests/it/faults.rs` lets the same
/// calls fail.
fn may_mount(world: &World) -> bool {
    let may = script(world, true, "mkdir -p try && mount -t tmpfs -o size=64k try try");
    let may = { may }.output().is_ok_and(|done| done.status.success());
    if !may {
        println!("nothing can be mounted here: only injected faults say what happens");
    }
    may
}

#[test]
fn a_disk_without_room_ends_a_run_which_goes_on_when_there_is_room() {
    let world = World::new();
    if !may_mount(&world) {
        return;
    }
    let line = format!("train town.txt {SMALL} --steps 40 --set checkpoint_every=10 --threads 1");
    world.done(&format!("{line} --out whole"));
    let bytes = files(&world, "whole").values().map(Vec::len).sum::<usize>();
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
        let said = world::said(&mut script(&world, true, &text));
        if said.code == Some(0) {
            continue;
        }
        assert_eq!(said.code, Some(1), "{kilobytes} kB: {said:?}");
        let told = sentence("full", &said);
        let why = "there is no room for it on the disk; make room";
        assert!(told.starts_with("disk/run") && told.contains(why), "{kilobytes} kB: {told}");
        let is_kept = told.contains("the last checkpoint is kept in disk/run");
        assert_eq!(is_kept, world.at("before").exists(), "{kilobytes} kB: {told}");
        refused += 1;
        gone_on += usize::from(is_kept);
        drop(std::fs::remove_file(world.at("before")));
        let run = format!("run{twelfth}");
        assert!(files(&world, &run) == files(&world, "whole"), "{kilobytes} kB");
    }
    println!("{refused} disks were too small, {gone_on} of them after a checkpoint");
    assert!(refused >= 6 && gone_on >= 2, "{refused} refused, {gone_on} gone on with");
}

#[test]
fn a_directory_that_can_only_be_read_is_left_as_it_is() {
    let world = World::new();
    if !may_mount(&world) {
        return;
    }
    let line = format!("train town.txt {SMALL} --set checkpoint_every=10 --threads 1");
    world.done(&format!("{line} --steps 20 --out run"));
    world.done(&format!("{line} --steps 20 --out other"));
    let before = files(&world, "run");
    assert!(before == files(&world, "other"));
    let read_only = "mount --bind run run && mount -o remount,bind,ro run || exit 99";
    for what in ["--resume --steps 40 --out run", "town.txt --out run/inner --steps 3"] {
        let text = format!("{read_only}\n exec $lookback train {what}");
        let said = world::said(&mut script(&world, true, &text));
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
        let told = sentence("read only", &said);
        assert!(told.starts_with("run/"), "{told}");
        assert!(
            told.contains("its file system can only be read; write to another place"),
            "{told}"
        );
        assert!(files(&world, "run") == before, "{what}: something was changed");
    }
    for run in ["run", "other"] {
        world.done(&format!("train --resume --steps 40 --out {run}"));
    }
    assert!(files(&world, "run") == files(&world, "other"));
}

#[test]
fn a_directory_that_is_moved_away_keeps_its_checkpoint() {
    let world = World::new();
    let line = format!("train town.txt {SMALL} --set checkpoint_every=20 --threads 1 --steps 1500");
    world.done(&format!("{line} --out whole"));
    let text = format!(
        "$lookback {line} --out run 2>said & pid=$!
         until [ -f run/checkpoint.safetensors ]; do sleep 0.01; done
         mv run moved; wait $pid; code=$?; cat said >&2; exit $code"
    );
    let said = world::said(&mut script(&world, false, &text));
    assert_eq!(said.code, Some(1), "{said:?}");
    let told = sentence("moved", &said);
    assert!(told.contains("it could not be written, since its directory is not there"), "{told}");
    world.done("train --resume --out moved");
    assert!(files(&world, "moved") == files(&world, "whole"));
}

/// Runs the program with so many kilobytes of memory of its own; files that are mapped do not count.
fn with_memory(world: &World, kilobytes: u64, line: &str) -> Said {
    let text = format!("ulimit -d {kilobytes}; exec $lookback {line}");
    world::said(&mut script(world, false, &text))
}

#[test]
fn memory_that_ends_ends_a_run_in_one_sentence_and_costs_it_nothing() {
    let world = World::new();
    let line = format!(
        "train town.txt {SMALL} --set width=128 --set hidden=384 --set layers=4 --threads 1"
    );
    world.done(&format!("{line} --steps 3 --out run"));
    world.done(&format!("{line} --steps 3 --out whole"));
    world.done("train --resume --steps 6 --out whole");
    let kept = world.read("run/checkpoint.safetensors");
    let (mut planned, mut ended, mut done) = (0, 0, 0);
    // From too little for anything to enough.
    for kilobytes in (2_000..80_000).step_by(1_500) {
        let said = with_memory(&world, kilobytes, "train --resume --steps 6 --out run --threads 1");
        match said.code {
            Some(0) => {
                done += 1;
                break;
            }
            Some(1) => {
                let told = sentence("memory", &said);
                assert!(told.starts_with("there is no memory left, and "), "{kilobytes}: {told}");
                ended += 1;
            }
            Some(2) => {
                let told = sentence("memory", &said);
                assert!(told.starts_with("training needs "), "{kilobytes}: {told}");
                planned += 1;
            }
            _ => panic!("{kilobytes} kB: {said:?}"),
        }
        assert!(world.read("run/checkpoint.safetensors") == kept, "{kilobytes} kB");
    }
    println!("memory ended {ended} times and was refused beforehand {planned} times");
    assert!(done == 1 && planned > 0, "{planned} planned, {ended} ended, {done} done");
    assert!(files(&world, "run") == files(&world, "whole"));
}

#[test]
fn a_text_larger_than_memory_is_learned_from_and_judged_by() {
    let world = World::new();
    let town = world.read("town.txt");
    let bytes = 16 << 20;
    world.write("large.txt", town.repeat(bytes / town.len()));
    // All memory that the process may have is less than the text, let alone its tokens.
    let kilobytes = 14 << 10;
    let shape = "--set width=8 --set hidden=8 --set context=64 --set batch=16 --threads 1";
    let line = format!("train large.txt {SMALL} {shape} --steps 2 --out run");
    let said = with_memory(&world, kilobytes, &line);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    let header = 8 + 3 * 8;
    let tokens = (std::fs::metadata(world.at("run/tokens.bin")).unwrap().len() - header) / 4;
    assert!(tokens > kilobytes * 1024, "{tokens} tokens");
    let said = with_memory(&world, kilobytes, "eval run large.txt --threads 1");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.stdout.ends_with(&format!(" {} tokens\n", tokens - 1)), "{said:?}");
    println!("{tokens} tokens were learned from and judged by in {kilobytes} kB");
}
