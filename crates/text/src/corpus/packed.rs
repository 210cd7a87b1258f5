//! What a text is packed in, by its name, and its bytes as they are unpacked.
//!
//! A file may hold several packings one after the other, as `cat` joins them: members of gzip, frames of
//! zstd. Zeros behind the last member of gzip are padding, and skippable frames of zstd, as seekable
//! files have them, say nothing.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::GzDecoder;
use lookback_files::Refusal;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
}

fn packing(path: &Path) -> Option<Packing> {
    match path.extension()?.to_str()? {
        "gz" => Some(Packing::Gzip),
        "zst" => Some(Packing::Zstd),
        _ => None,
    }
}

/// The name without what says how it is packed.
pub(super) fn bare(path: &Path) -> PathBuf {
    match packing(path) {
        Some(_) => path.with_extension(""),
        None => path.to_owned(),
    }
}

/// Whether each line is a document.
pub(super) fn is_lines(path: &Path) -> bool {
    bare(path).extension().is_some_and(|end| end == "jsonl")
}

/// Why a file could not be read on.
pub(super) fn refuse(path: &Path, error: &io::Error) -> Refusal {
    match packing(path) {
        None => Refusal::reading(path, error),
        Some(_) => Refusal::corrupt(format!(
            "{}: it cannot be unpacked ({error}); it is broken or cut, so fetch it again",
            path.display()
        )),
    }
}

/// A file's bytes, or those that it was packed from.
pub(super) fn open(path: &Path, file: File) -> Box<dyn Read> {
    let file = BufReader::new(file);
    match packing(path) {
        None => Box::new(file),
        Some(Packing::Gzip) => Box::new(Parts::<GzDecoder<BufReader<File>>>::Between(file)),
        Some(Packing::Zstd) => Box::new(Parts::<Frame>::Between(file)),
    }
}

/// One packing of several in a file.
trait Part: Read + Sized {
    /// Begins with the next one; `None` where the file has no more.
    fn begin(from: BufReader<File>) -> io::Result<Option<Self>>;
    /// The file, behind this one's end.
    fn end(self) -> io::Result<BufReader<File>>;
}

/// A file of packings, read one after the other.
enum Parts<P> {
    Between(BufReader<File>),
    Within(P),
    Over,
}

impl<P: Part> Read for Parts<P> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            *self = match std::mem::replace(self, Self::Over) {
                Self::Over => return Ok(0),
                Self::Between(from) => P::begin(from)?.map_or(Self::Over, Self::Within),
                Self::Within(mut part) => match part.read(out)? {
                    0 => Self::Between(part.end()?),
                    read => {
                        *self = Self::Within(part);
                        return Ok(read);
                    }
                },
            };
        }
    }
}

impl Part for GzDecoder<BufReader<File>> {
    fn begin(mut from: BufReader<File>) -> io::Result<Option<Self>> {
        loop {
            let bytes = from.fill_buf()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            if zeros == 0 {
                return Ok(Some(Self::new(from)));
            }
            from.consume(zeros);
        }
    }

    fn end(self) -> io::Result<BufReader<File>> {
        Ok(self.into_inner())
    }
}

/// A frame of zstd that is being unpacked.
struct Frame {
    from: BufReader<File>,
    decoder: FrameDecoder,
}

impl Read for Frame {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut self.from, one).map_err(io::Error::other)?;
        }
        self.decoder.read(out)
    }
}

impl Part for Frame {
    fn begin(mut from: BufReader<File>) -> io::Result<Option<Self>> {
        loop {
            if from.fill_buf()?.is_empty() {
                return Ok(None);
            }
            let mut decoder = FrameDecoder::new();
            match decoder.init(&mut from) {
                Ok(()) => return Ok(Some(Self { from, decoder })),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut from).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn end(self) -> io::Result<BufReader<File>> {
        let sums = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
        match sums {
            (Some(kept), Some(found)) if kept != found => {
                Err(io::Error::other("it does not have its own checksum"))
            }
            _ => Ok(self.from),
        }
    }
}
