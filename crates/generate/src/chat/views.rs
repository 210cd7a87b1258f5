//! What Python has as objects of their own and minijinja as lists: `range`, and a dictionary's keys, values
//! and items. They can be gone through and have a length; only a range is a sequence.

use std::sync::Arc;

use minijinja::{
    Error, ErrorKind,
    value::{Enumerator, Object, ObjectRepr, Rest, Tuple, Value},
};

/// Numbers of a `range`.
const ITEMS: usize = 100_000;

/// Python's `range`.
#[derive(Debug)]
pub(super) struct Range {
    start: i64,
    end: i64,
    step: i64,
    length: usize,
}

impl Range {
    /// The function `range` of templates.
    pub(super) fn call(given: Rest<i64>) -> Result<Value, Error> {
        let refuse = |why: &str| Error::new(ErrorKind::InvalidOperation, why.to_owned());
        let (start, end, step) = match **given {
            [end] => (0, end, 1),
            [start, end] => (start, end, 1),
            [start, end, step] => (start, end, step),
            _ => return Err(refuse("range takes one to three numbers")),
        };
        if step == 0 {
            return Err(refuse("range: the step is 0"));
        }
        let (first, last) = if step > 0 { (start, end) } else { (end, start) };
        let distance = (i128::from(last) - i128::from(first)).max(0).unsigned_abs();
        let length = distance.div_ceil(u128::from(step.unsigned_abs()));
        match usize::try_from(length) {
            Ok(length) if length <= ITEMS => {
                Ok(Value::from_object(Self { start, end, step, length }))
            }
            _ => Err(refuse("range has more than 100000 numbers")),
        }
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = i64::try_from(key.clone()).ok()?;
        let index = if index < 0 { index + self.length as i64 } else { index };
        let is_in = (0..self.length as i64).contains(&index);
        is_in.then(|| Value::from(self.start + index * self.step))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let (start, step) = (self.start, self.step);
        let numbers = (0..self.length as i64).map(move |index| Value::from(start + index * step));
        Enumerator::Iter(Box::new(numbers))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.length)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.length > 0
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.step {
            1 => write!(f, "range({}, {})", self.start, self.end),
            step => write!(f, "range({}, {}, {step})", self.start, self.end),
        }
    }
}

/// `dict.keys()`, `dict.values()` or `dict.items()`.
#[derive(Debug)]
pub(super) struct View {
    name: &'static str,
    items: Value,
}

impl View {
    /// What a method of a dictionary gives; none for another method.
    pub(super) fn of(dictionary: &Value, method: &str) -> Result<Option<Value>, Error> {
        let name = match method {
            "keys" => "keys",
            "values" => "values",
            "items" => "items",
            _ => return Ok(None),
        };
        let mut items = Vec::new();
        for key in dictionary.try_iter()? {
            items.push(match name {
                "keys" => key,
                "values" => dictionary.get_item(&key)?,
                _ => {
                    let value = dictionary.get_item(&key)?;
                    Value::from(Tuple::from([key, value]))
                }
            });
        }
        Ok(Some(Value::from_object(Self { name, items: Value::from(items) })))
    }

    /// The method that gives it.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What it has, as a list.
    pub(super) fn items(&self) -> &Value {
        &self.items
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.items.try_iter() {
            Ok(items) => Enumerator::Values(items.collect()),
            Err(_) => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.items.len()
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.items.is_true()
    }
}
