//! `tokenizer.model`, SentencePiece's protobuf: ids are those of the library `sentencepiece`.
//!
//! The models BPE and UNIGRAM are read; WORD and CHAR are refused by name, and so are white space behind words and
//! rules for decoding. How texts are prepared and what may be merged stands in `sentence_piece`.

mod proto;

use std::collections::HashSet;

use lookback_files::{Refusal, Result, excerpt, quoted_excerpt};
use serde_json::{Value, json};

use self::proto::ModelProto;
use crate::{
    added::Added,
    sentence_piece::{Kind, Spec, by_score},
    tokenizer::Parts,
    vocabulary::Vocabulary,
};

const UNIGRAM: i32 = 1;
const BPE: i32 = 2;

/// The settings from the files beside a `tokenizer.model`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prefix {
    /// Whether a space is put before a text, where they set it.
    pub(crate) is_added: Option<bool>,
    /// Whether none is put before what follows a special token: transformers calls the opposite `legacy`.
    pub(crate) is_first_only: bool,
}

/// Reads the bytes of a `tokenizer.model`. What stands around a text is left to the files beside it.
pub(crate) fn parts(bytes: &[u8], prefix: Prefix) -> Result<Parts> {
    let proto = proto::read(bytes)?;
    let kinds = kinds(&proto)?;
    let mut vocabulary = Vocabulary::default();
    let mut scores = Vec::with_capacity(kinds.len());
    for (id, piece) in (0..).zip(&proto.pieces) {
        vocabulary.insert(piece.piece(), id)?;
        scores.push(piece.score());
    }
    if let Some((id, score)) = (0..).zip(&scores).find(|(_, score)| !score.is_finite()) {
        return Err(Refusal::user(format!(
            "the piece {} has the score {score}, and no other can be compared with it",
            quoted_excerpt(vocabulary.piece(id))
        )));
    }
    let trainer = proto.trainer_spec.unwrap_or_default();
    vocabulary.unknown =
        (0..).zip(&kinds).find(|(_, kind)| **kind == Kind::Unknown).map(|(id, _)| id);
    vocabulary.fuse_unknown = true;
    vocabulary.byte_fallback = trainer.byte_fallback();
    let ids_of = |wanted: Kind| -> Vec<u32> {
        (0..).zip(&kinds).filter(|(_, kind)| **kind == wanted).map(|(id, _)| id).collect()
    };
    match trainer.model_type() {
        UNIGRAM => vocabulary.scores = Some(scores.iter().copied().map(f64::from).collect()),
        BPE => {
            let joins = |id: u32| matches!(kinds[id as usize], Kind::Normal | Kind::Unused);
            by_score(&mut vocabulary, &scores, &joins)?;
            refuse_unused(&vocabulary, &ids_of(Kind::Unused))?;
        }
        other => {
            let name = ["WORD", "CHAR"].get(other.wrapping_sub(3) as usize);
            return Err(Refusal::unsupported(format!(
                "the model type {} is not understood; BPE and UNIGRAM are",
                name.map_or_else(|| other.to_string(), ToString::to_string)
            )));
        }
    }
    if trainer.treat_whitespace_as_suffix() {
        return Err(Refusal::unsupported(
            "treat_whitespace_as_suffix is not understood, and would change the ids",
        ));
    }
    if proto.denormalizer_spec.is_some_and(|spec| !spec.precompiled_charsmap().is_empty()) {
        return Err(Refusal::unsupported(
            "a denormalizer_spec is not understood, and would change the text",
        ));
    }
    let control =
        |piece: &str| vocabulary.id(piece).filter(|&id| kinds[id as usize] == Kind::Control);
    let (bos, eos) = (control(trainer.bos_piece()), control(trainer.eos_piece()));
    let normalizer = proto.normalizer_spec.unwrap_or_default();
    let spec = Spec {
        add_dummy_prefix: prefix.is_added.unwrap_or_else(|| normalizer.add_dummy_prefix()),
        remove_extra_whitespaces: normalizer.remove_extra_whitespaces(),
        escape_whitespaces: normalizer.escape_whitespaces(),
        prefix_first_only: prefix.is_first_only,
        unused: ids_of(Kind::Unused),
        charsmap: normalizer.precompiled_charsmap.filter(|map| !map.is_empty()),
    };
    Ok(Parts {
        added: added(&vocabulary, &kinds),
        normalizer: spec.write(&vocabulary),
        decoder: decoder(&spec),
        vocabulary,
        bos,
        eos,
        ..Parts::default()
    })
}

/// What each piece is, held to what the library holds it to.
fn kinds(proto: &ModelProto) -> Result<Vec<Kind>> {
    let mut kinds = Vec::with_capacity(proto.pieces.len());
    for (id, piece) in proto.pieces.iter().enumerate() {
        if piece.piece().is_empty() {
            return Err(Refusal::user(format!("the piece {id} is empty")));
        }
        let kind = proto::kind(piece.r#type()).ok_or_else(|| {
            let (piece, kind) = (quoted_excerpt(piece.piece()), piece.r#type());
            Refusal::user(format!("the piece {piece} is of the type {kind}, which is none"))
        })?;
        kinds.push(kind);
    }
    let count = |wanted: Kind| kinds.iter().filter(|kind| **kind == wanted).count();
    if count(Kind::Unknown) != 1 {
        return Err(Refusal::user(format!(
            "it has {} unknown pieces, and a model has one",
            count(Kind::Unknown)
        )));
    }
    let falls_back = proto.trainer_spec.as_ref().is_some_and(|spec| spec.byte_fallback());
    let wanted = if falls_back { 256 } else { 0 };
    if count(Kind::Byte) != wanted {
        return Err(Refusal::user(format!(
            "it has {} byte pieces, and by its byte_fallback it has {wanted}",
            count(Kind::Byte)
        )));
    }
    let is_byte = |piece: &str| (0..=255u8).any(|byte| piece == format!("<0x{byte:02X}>"));
    let broken =
        |(piece, kind): &(&proto::Piece, &Kind)| **kind == Kind::Byte && !is_byte(piece.piece());
    match proto.pieces.iter().zip(&kinds).find(broken) {
        Some((piece, _)) => {
            Err(Refusal::user(format!("the byte piece {} is no byte", excerpt(piece.piece()))))
        }
        None => Ok(kinds),
    }
}

/// The library takes an unused piece apart again by how it was merged last, wherever in the text that was.
fn refuse_unused(vocabulary: &Vocabulary, unused: &[u32]) -> Result<()> {
    if unused.is_empty() {
        return Ok(());
    }
    let made = vocabulary.merges.iter().filter_map(|&(left, right)| {
        vocabulary.id(&[left, right].map(|id| vocabulary.piece(id)).concat())
    });
    let unused: HashSet<u32> = unused.iter().copied().collect();
    match made.into_iter().find(|id| unused.contains(id)) {
        Some(id) => Err(Refusal::unsupported(format!(
            "the unused piece {} is made by merging, which is not understood",
            quoted_excerpt(vocabulary.piece(id))
        ))),
        None => Ok(()),
    }
}

/// Control symbols are structure; user-defined ones are text that is always one token.
fn added(vocabulary: &Vocabulary, kinds: &[Kind]) -> Vec<Added> {
    let special = |kind: &Kind| match kind {
        Kind::Unknown | Kind::Control => Some(true),
        Kind::UserDefined => Some(false),
        Kind::Normal | Kind::Unused | Kind::Byte => None,
    };
    let added = (0..).zip(kinds).filter_map(|(id, kind)| {
        let content = vocabulary.piece(id).to_owned();
        special(kind).map(|special| Added { id, content, special, ..Added::default() })
    });
    added.collect()
}

/// Back to text: the sign of a space is one, and those that were put before a text go.
fn decoder(spec: &Spec) -> Value {
    let replace = json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "});
    let mut decoders = vec![replace, json!({"type": "ByteFallback"}), json!({"type": "Fuse"})];
    if spec.escape_whitespaces && (spec.remove_extra_whitespaces || spec.add_dummy_prefix) {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    json!({"type": "Sequence", "decoders": decoders})
}
