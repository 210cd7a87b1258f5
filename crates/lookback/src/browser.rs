//! Opens the page in the browser that the user has chosen, if the program was started at a terminal.

use std::{
    io::{IsTerminal, stderr},
    process::{Command, Stdio},
};

/// Asks the system to open an address. A machine without a browser has its address printed anyway.
pub(crate) fn open(url: &str) {
    if !stderr().is_terminal() {
        return;
    }
    let mut command = if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        command
    } else {
        Command::new(if cfg!(target_os = "macos") { "open" } else { "xdg-open" })
    };
    let quiet = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Ok(mut opener) = quiet.spawn() {
        // It ends once the browser has the address; waiting for it leaves no zombie process.
        std::thread::spawn(move || drop(opener.wait()));
    }
}
