//! Reads files up to a limit for their kind. The type of a file is checked before it is opened, because a device
//! may have no end, and a pipe may block for ever.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    path::Path,
};

use crate::{Refusal, Result, encoding::text};

/// Bytes of a file of settings: a `config.json`, a chat template, a `training.toml`.
pub const MAX_SETTINGS_BYTES: u64 = 16 << 20;
/// Bytes of a `tokenizer.json`. The largest that are known have some 35 MB.
pub const MAX_TOKENIZER_BYTES: u64 = 128 << 20;
/// Bytes of what is written line by line while a run goes on, and of the index of a large model.
pub const MAX_RECORDS_BYTES: u64 = 256 << 20;

/// Opens a regular file to read. What is no regular file is refused, and nothing is waited for.
pub fn open_regular(path: &Path) -> Result<File> {
    let refuse = |error: io::Error| Refusal::reading(path, &error);
    // Looked at first, since opening alone makes some devices act.
    expect_regular(path, &fs::metadata(path).map_err(refuse)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe that has taken the file's place since then does not hold the program up.
        options.custom_flags(libc::O_NONBLOCK);
    }
    let file = options.open(path).map_err(refuse)?;
    expect_regular(path, &file.metadata().map_err(refuse)?)?;
    Ok(file)
}

fn expect_regular(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let refuse = |what: &str| {
        Err(Refusal::user(format!("{}: it is {what}, and a file is needed", path.display())))
    };
    if metadata.is_dir() { refuse("a directory") } else { refuse(special(metadata)) }
}

/// What a file is that is neither regular nor a directory.
#[cfg(unix)]
pub(crate) fn special(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
pub(crate) fn special(_: &Metadata) -> &'static str {
    "no file on a disk"
}

/// Bytes that are taken from a device, which may have no end.
const MAX_DEVICE_BYTES: u64 = 64 << 20;

/// Copies what can be read only once, such as a pipe, to where it can be read again. A device that goes on
/// for ever, such as `/dev/zero`, is refused.
pub fn copy_stream(path: &Path, stream: File, destination: &mut dyn io::Write) -> Result<()> {
    let refuse = |error: io::Error| Refusal::reading(path, &error);
    let metadata = stream.metadata().map_err(refuse)?;
    let may_be_endless =
        !metadata.is_file() && !metadata.is_dir() && special(&metadata) == "a device";
    let max_bytes = if may_be_endless { MAX_DEVICE_BYTES } else { u64::MAX };
    let copied = io::copy(&mut (&stream).take(max_bytes), destination).map_err(refuse)?;
    if copied == MAX_DEVICE_BYTES && may_be_endless {
        return Err(Refusal::user(format!(
            "{}: it is a device that gives more than {MAX_DEVICE_BYTES} bytes, and may have no end; give a file, \
             a folder or a pipe",
            path.display()
        )));
    }
    Ok(())
}

/// Opens what may be read only once. What cannot be opened to read, such as a socket, is refused.
pub fn open_stream(path: &Path) -> Result<File> {
    let refuse = |error: io::Error| Refusal::reading(path, &error);
    let metadata = fs::metadata(path).map_err(refuse)?;
    if metadata.is_dir() || metadata.is_file() || special(&metadata) == "a socket" {
        return open_regular(path);
    }
    File::open(path).map_err(refuse)
}

/// Reads a regular file of at most so many bytes.
pub fn read_bytes_up_to(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let refuse = |error: io::Error| Refusal::reading(path, &error);
    let file = open_regular(path)?;
    let length = file.metadata().map_err(refuse)?.len();
    let mut bytes = Vec::new();
    if length <= max_bytes {
        bytes.reserve_exact(length as usize);
        // Read to one byte more: it may grow, and what the kernel makes up has no length before.
        file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(refuse)?;
    }
    if length > max_bytes || bytes.len() as u64 > max_bytes {
        let why = format!(
            "it is longer than {max_bytes} bytes, the most that a file of its kind may have"
        );
        let advice = "it is another kind of file or broken, so fetch it again";
        return Err(Refusal::corrupt(format!("{}: {why}; {advice}", path.display())));
    }
    tracing::debug!(file = %path.display(), bytes = bytes.len(), "read");
    Ok(bytes)
}

/// Reads a text file of at most so many bytes, without a byte order mark; invalid UTF-8 is refused with the
/// offset of its first bad byte.
pub fn read_utf8_up_to(path: &Path, max_bytes: u64) -> Result<String> {
    text(read_bytes_up_to(path, max_bytes)?).map_err(|refusal| refusal.at(path.display()))
}

/// Reads a file of settings, which are [`MAX_SETTINGS_BYTES`] bytes at most.
pub fn read_utf8(path: &Path) -> Result<String> {
    read_utf8_up_to(path, MAX_SETTINGS_BYTES)
}

/// As [`read_utf8_up_to`], or nothing where there is no file of this name.
pub fn read_utf8_if_exists(path: &Path, max_bytes: u64) -> Result<Option<String>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => read_utf8_up_to(path, max_bytes).map(Some),
    }
}
