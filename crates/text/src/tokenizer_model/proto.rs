//! The messages of `sentencepiece_model.proto`, as far as they decide ids and text.

use lookback_files::{Refusal, Result};
use prost::Message;

use crate::{budget, sentence_piece::Kind};

/// Pieces of a file. The largest that are known have a million.
const PIECES: usize = 1 << 22;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    pub(super) trainer_spec: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    pub(super) normalizer_spec: Option<NormalizerSpec>,
    #[prost(message, optional, tag = "5")]
    pub(super) denormalizer_spec: Option<NormalizerSpec>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Piece {
    #[prost(string, optional, tag = "1")]
    pub(super) piece: Option<String>,
    #[prost(float, optional, tag = "2")]
    pub(super) score: Option<f32>,
    #[prost(int32, optional, tag = "3", default = "1")]
    pub(super) r#type: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TrainerSpec {
    #[prost(int32, optional, tag = "3", default = "1")]
    pub(super) model_type: Option<i32>,
    #[prost(bool, optional, tag = "24")]
    pub(super) treat_whitespace_as_suffix: Option<bool>,
    #[prost(bool, optional, tag = "35")]
    pub(super) byte_fallback: Option<bool>,
    #[prost(string, optional, tag = "46", default = "<s>")]
    pub(super) bos_piece: Option<String>,
    #[prost(string, optional, tag = "47", default = "</s>")]
    pub(super) eos_piece: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NormalizerSpec {
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) precompiled_charsmap: Option<Vec<u8>>,
    #[prost(bool, optional, tag = "3", default = "true")]
    pub(super) add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4", default = "true")]
    pub(super) remove_extra_whitespaces: Option<bool>,
    #[prost(bool, optional, tag = "5", default = "true")]
    pub(super) escape_whitespaces: Option<bool>,
}

/// What a piece of this type is.
pub(super) fn kind(number: i32) -> Option<Kind> {
    Some(match number {
        1 => Kind::Normal,
        2 => Kind::Unknown,
        3 => Kind::Control,
        4 => Kind::UserDefined,
        5 => Kind::Unused,
        6 => Kind::Byte,
        _ => return None,
    })
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<ModelProto> {
    check_fields(bytes)?;
    let proto = ModelProto::decode(bytes)
        .map_err(|error| Refusal::user(format!("this is no SentencePiece model ({error})")))?;
    // Both stand behind the pieces, so a file that was cut between two of its fields lacks them.
    let lacks = match (&proto.trainer_spec, &proto.normalizer_spec) {
        (None, _) => "trainer_spec",
        (_, None) => "normalizer_spec",
        _ => return Ok(proto),
    };
    Err(Refusal::user(format!(
        "it ends at byte {} without a {lacks}; it is probably half downloaded, so fetch it again",
        bytes.len()
    )))
}

/// Walks over the fields of the file, so that one that was cut short is told by its place, and pieces are counted
/// before memory is taken for them.
fn check_fields(bytes: &[u8]) -> Result<()> {
    let (mut rest, mut pieces) = (bytes, 0);
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let key = prost::encoding::decode_varint(&mut rest);
        let (field, wire) = key.map_or((0, 7), |key| (key >> 3, key & 7));
        let length = match wire {
            0 => prost::encoding::decode_varint(&mut rest).map(|_| 0).ok(),
            1 => Some(8),
            2 => prost::encoding::decode_varint(&mut rest).ok(),
            5 => Some(4),
            _ => {
                return Err(Refusal::user(format!(
                    "this is no SentencePiece model (at byte {at} stands no field)"
                )));
            }
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        match length.and_then(|length| rest.split_at_checked(length)) {
            Some((_, behind)) => rest = behind,
            None => {
                return Err(Refusal::user(format!(
                    "it ends at byte {}, within what begins at byte {at}; it is probably half downloaded, so \
                     fetch it again",
                    bytes.len()
                )));
            }
        }
        pieces += usize::from(field == 1);
        budget::check(pieces, PIECES, "pieces in its file")?;
    }
    Ok(())
}
