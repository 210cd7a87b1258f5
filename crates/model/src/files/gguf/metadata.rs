//! The metadata of a GGUF file by key. Lists stay in the file until they are read.

use std::collections::HashMap;

use lookback_files::{Refusal, Result, excerpt};

use super::{SamplingDefault, cursor::Cursor};

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Any unsigned number.
    Whole(u64),
    /// Any signed one.
    Signed(i64),
    Real(f64),
    Flag(bool),
    Text(String),
    /// Elements of one type, as many as are counted, from a byte of the file on.
    List {
        kind: u32,
        count: u64,
        at: usize,
        /// The whole number that all of them are, as where each layer says the same.
        each: Option<u64>,
    },
}

/// The numbers of the types.
const FLAG: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Keys of a file at most, and elements of a list that is read: the largest vocabularies have a million.
const KEYS: u64 = 1 << 20;
const ELEMENTS: u64 = 1 << 24;

/// All keys with their values.
pub(super) struct Metadata {
    by_key: HashMap<String, Value>,
    /// In the order of the file.
    keys: Vec<String>,
}

impl Metadata {
    pub(super) fn read(cursor: &mut Cursor<'_>, count: u64) -> Result<Self> {
        // The shortest entry: an empty key, a type, one byte.
        cursor.expect_room(count, 8 + 4 + 1, "metadata keys")?;
        cursor.expect_few(count, KEYS, "metadata keys")?;
        let (mut by_key, mut keys) = (HashMap::new(), Vec::new());
        for index in 0..count {
            let key = cursor.text(&format!("the name of metadata key {index}"))?;
            let what = format!("metadata {}", excerpt(key));
            let kind = cursor.u32(&what)?;
            let value = read_value(cursor, kind, &what)?;
            keys.push(key.to_owned());
            if by_key.insert(key.to_owned(), value).is_some() {
                return Err(Refusal::user(format!("{what} is there twice")));
            }
        }
        Ok(Self { by_key, keys })
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.by_key.get(key)
    }

    /// Keys in the order of the file.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    pub(super) fn whole(&self, key: &str) -> Result<Option<u64>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Whole(number)) => Ok(Some(*number)),
            Some(Value::Signed(number)) if *number >= 0 => Ok(Some(*number as u64)),
            Some(Value::List { each: Some(number), .. }) => Ok(Some(*number)),
            Some(Value::List { kind: 0..=5 | 10 | 11, .. }) => Err(Refusal::unsupported(format!(
                "metadata {}: a whole number, or a list with the same for each layer, is needed",
                excerpt(key)
            ))),
            Some(_) => Err(wrong(key, "a whole number")),
        }
    }

    pub(super) fn real(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Real(number)) => Ok(Some(*number)),
            Some(_) => Err(wrong(key, "a real number")),
        }
    }

    /// What stands behind `general.sampling.`, in the order of the file.
    pub(super) fn sampling(&self) -> Result<Vec<(String, SamplingDefault)>> {
        let begin = "general.sampling.";
        let keys = self.keys().filter_map(|key| Some((key, key.strip_prefix(begin)?)));
        let suggestion = |(key, name): (&str, &str)| {
            let value = match self.get(key) {
                Some(Value::Whole(number)) => SamplingDefault::Number(*number as f64),
                Some(Value::Signed(number)) => SamplingDefault::Number(*number as f64),
                Some(Value::Real(number)) => SamplingDefault::Number(as_written(*number)),
                Some(Value::Text(text)) => SamplingDefault::Text(text.clone()),
                _ => return Err(wrong(key, "a number or a string")),
            };
            Ok((name.to_owned(), value))
        };
        keys.map(suggestion).collect()
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong(key, "true or false")),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(key, "a string")),
        }
    }

    /// A list of strings; empty if the key is missing. `file` is what the metadata was read from.
    pub(super) fn texts(&self, file: &[u8], key: &str) -> Result<Vec<String>> {
        self.list(file, key, STRING, |cursor| Ok(cursor.text(key)?.to_owned()))
    }

    /// A list of f32.
    pub(super) fn reals(&self, file: &[u8], key: &str) -> Result<Vec<f32>> {
        self.list(file, key, 6, |cursor| Ok(f32::from_le_bytes(cursor.array(key)?)))
    }

    /// A list of i32.
    pub(super) fn numbers(&self, file: &[u8], key: &str) -> Result<Vec<i32>> {
        self.list(file, key, 5, |cursor| Ok(i32::from_le_bytes(cursor.array(key)?)))
    }

    /// A list of yes and no; none if the key is missing or something else.
    pub(super) fn flags(&self, file: &[u8], key: &str) -> Result<Option<Vec<bool>>> {
        match self.get(key) {
            Some(Value::List { kind: FLAG, .. }) => {
                let flag = |cursor: &mut Cursor<'_>| Ok(cursor.array::<1>(key)? != [0]);
                self.list(file, key, FLAG, flag).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn list<T>(
        &self,
        file: &[u8],
        key: &str,
        wanted: u32,
        read: impl Fn(&mut Cursor<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::List { kind, count, at, .. }) if *kind == wanted => {
                let mut cursor = Cursor::new(file);
                cursor.take(*at as u64, key)?;
                cursor.expect_few(*count, ELEMENTS, &format!("elements of {}", excerpt(key)))?;
                (0..*count).map(|_| read(&mut cursor)).collect()
            }
            Some(_) => Err(wrong(key, "a list of another type")),
        }
    }
}

/// 0.7 of the f32 that is nearest to it.
fn as_written(number: f64) -> f64 {
    let narrow = number as f32;
    if f64::from(narrow) == number { narrow.to_string().parse().unwrap_or(number) } else { number }
}

fn wrong(key: &str, wanted: &str) -> Refusal {
    Refusal::user(format!("metadata {}: {wanted} is needed", excerpt(key)))
}

fn read_value(cursor: &mut Cursor<'_>, kind: u32, what: &str) -> Result<Value> {
    Ok(match kind {
        0 => Value::Whole(u8::from_le_bytes(cursor.array(what)?).into()),
        1 => Value::Signed(i8::from_le_bytes(cursor.array(what)?).into()),
        2 => Value::Whole(u16::from_le_bytes(cursor.array(what)?).into()),
        3 => Value::Signed(i16::from_le_bytes(cursor.array(what)?).into()),
        4 => Value::Whole(cursor.u32(what)?.into()),
        5 => Value::Signed(i32::from_le_bytes(cursor.array(what)?).into()),
        6 => Value::Real(f32::from_le_bytes(cursor.array(what)?).into()),
        7 => match cursor.take(1, what)? {
            [0] => Value::Flag(false),
            [1] => Value::Flag(true),
            other => {
                return Err(Refusal::user(format!(
                    "{what} at byte {} is {}, which is neither true nor false",
                    cursor.at() - 1,
                    other[0]
                )));
            }
        },
        STRING => Value::Text(cursor.text(what)?.to_owned()),
        ARRAY => read_list(cursor, what)?,
        10 => Value::Whole(cursor.u64(what)?),
        11 => Value::Signed(i64::from_le_bytes(cursor.array(what)?)),
        12 => Value::Real(f64::from_le_bytes(cursor.array(what)?)),
        _ => {
            return Err(Refusal::user(format!(
                "{what} has the unknown type {kind} at byte {}",
                cursor.at() - 4
            )));
        }
    })
}

/// Steps over a list, so that its bounds are known to be right.
fn read_list(cursor: &mut Cursor<'_>, what: &str) -> Result<Value> {
    let kind = cursor.u32(what)?;
    let count = cursor.u64(what)?;
    let at = cursor.at();
    let each = match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        STRING | 10..=12 => 8,
        _ => {
            return Err(Refusal::unsupported(format!(
                "{what} is a list of type {kind}, which is not understood"
            )));
        }
    };
    cursor.expect_room(count, each, &format!("elements of {what}"))?;
    if kind == STRING {
        for _ in 0..count {
            let length = cursor.u64(what)?;
            cursor.take(length, what)?;
        }
        return Ok(Value::List { kind, count, at, each: None });
    }
    let bytes = cursor.take(count * each, what)?;
    let (first, others) = bytes.split_at(bytes.len().min(each as usize));
    let is_same = others.chunks(each as usize).all(|element| element == first);
    let each = if is_same { whole_of(kind, first) } else { None };
    Ok(Value::List { kind, count, at, each })
}

/// The whole number that these bytes of a list are, if it is one that is not below 0.
fn whole_of(kind: u32, bytes: &[u8]) -> Option<u64> {
    let is_signed = match kind {
        0 | 2 | 4 | 10 => false,
        1 | 3 | 5 | 11 => true,
        _ => return None,
    };
    let is_negative = is_signed && *bytes.last()? >= 0x80;
    let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (!bytes.is_empty() && !is_negative).then_some(number)
}
