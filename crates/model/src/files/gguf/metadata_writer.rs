//! The metadata of a GGUF file that is written: keys with their values, in the order in which they come.

/// The numbers of the types.
const WHOLE: u32 = 4;
const SIGNED: u32 = 5;
const REAL: u32 = 6;
const FLAG: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Keys with their values. Those of an architecture are given without its name, which is put before them.
#[derive(Debug)]
pub(crate) struct GgufMetadata {
    architecture: &'static str,
    bytes: Vec<u8>,
    keys: u64,
}

impl GgufMetadata {
    pub(super) fn new(architecture: &'static str) -> Self {
        Self { architecture, bytes: Vec::new(), keys: 0 }
    }

    /// The bytes, and how many keys they hold.
    pub(super) fn bytes(&self) -> (&[u8], u64) {
        (&self.bytes, self.keys)
    }

    /// A real number of the architecture.
    pub(crate) fn real(&mut self, part: &str, number: f32) {
        self.key_of_architecture(part, REAL);
        self.bytes.extend(number.to_le_bytes());
    }

    /// Yes or no of the architecture.
    pub(crate) fn flag(&mut self, part: &str, flag: bool) {
        self.key_of_architecture(part, FLAG);
        self.bytes.push(flag.into());
    }

    /// A size of the architecture.
    pub(super) fn size(&mut self, part: &str, size: usize) {
        self.key_of_architecture(part, WHOLE);
        self.bytes.extend((size as u32).to_le_bytes());
    }

    /// A string of the architecture.
    pub(super) fn text_of_architecture(&mut self, part: &str, text: &str) {
        self.key_of_architecture(part, STRING);
        self.string(text);
    }

    /// A string under a whole key.
    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.key(key, STRING);
        self.string(text);
    }

    /// A whole number under a whole key.
    pub(super) fn whole(&mut self, key: &str, number: u32) {
        self.key(key, WHOLE);
        self.bytes.extend(number.to_le_bytes());
    }

    /// A whole number that may be negative, under a whole key.
    pub(super) fn signed(&mut self, key: &str, number: i32) {
        self.key(key, SIGNED);
        self.bytes.extend(number.to_le_bytes());
    }

    /// A real number under a whole key.
    pub(super) fn real_of_file(&mut self, key: &str, number: f32) {
        self.key(key, REAL);
        self.bytes.extend(number.to_le_bytes());
    }

    /// Yes or no under a whole key.
    pub(super) fn flag_of_file(&mut self, key: &str, flag: bool) {
        self.key(key, FLAG);
        self.bytes.push(flag.into());
    }

    /// A list of strings under a whole key.
    pub(super) fn texts<'a>(&mut self, key: &str, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.list(key, STRING, texts.len());
        texts.for_each(|text| self.string(text));
    }

    /// A list of f32 under a whole key.
    pub(super) fn reals(&mut self, key: &str, numbers: &[f32]) {
        self.list(key, REAL, numbers.len());
        self.bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    /// A list of i32 under a whole key.
    pub(super) fn numbers(&mut self, key: &str, numbers: &[i32]) {
        self.list(key, SIGNED, numbers.len());
        self.bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn list(&mut self, key: &str, kind: u32, count: usize) {
        self.key(key, ARRAY);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((count as u64).to_le_bytes());
    }

    fn key_of_architecture(&mut self, part: &str, kind: u32) {
        self.key(&format!("{}.{part}", self.architecture), kind);
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.string(key);
        self.bytes.extend(kind.to_le_bytes());
        self.keys += 1;
    }

    fn string(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }
}
