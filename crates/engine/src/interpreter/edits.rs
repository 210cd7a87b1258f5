//! Changes of rows of a value: of those of all sequences of a batch, or of each by edits of its own.

use lookback_kernels::steer;
use lookback_model::{Change, Edit, RowKind, SequenceId, ValueId};

use super::Interpreter;

impl Interpreter<'_> {
    /// Of all sequences.
    pub(super) fn edit(&mut self, edit: &Edit, x: ValueId, output: ValueId) {
        self.write(output, |pass, y| {
            y.copy_from_slice(pass.buffers.get(x));
            pass.change_rows(edit, None, output, y);
        });
    }

    /// Of each sequence the edits that it has at a place.
    pub(super) fn edit_sequences(&mut self, place: usize, x: ValueId, output: ValueId) {
        self.write(output, |pass, y| {
            y.copy_from_slice(pass.buffers.get(x));
            for (sequence, edits) in pass.sequence_edits {
                for edit in edits.of_place(place) {
                    pass.change_rows(edit, Some(*sequence), output, y);
                }
            }
        });
    }

    /// Changes rows of a value by an edit, of one sequence or of all.
    fn change_rows(
        &self,
        edit: &Edit,
        sequence: Option<SequenceId>,
        output: ValueId,
        y: &mut [f32],
    ) {
        let isa = self.pool.isa();
        self.edited_rows((edit, sequence), output, y, |position, _, y| match edit.change {
            Change::Set => elementwise(edit, position, y, |_, number| number),
            Change::Add => elementwise(edit, position, y, |y, number| y + number),
            Change::Scale => elementwise(edit, position, y, |y, number| y * number),
            Change::Steer(steering) => steer::forward(isa, steering, &edit.numbers, y),
        });
    }

    /// Hands the chosen columns of each chosen row, which are rows of a value, to `each`, with the row's
    /// position and its place among the rows: of one sequence, or of all.
    pub(crate) fn edited_rows(
        &self,
        (edit, sequence): (&Edit, Option<SequenceId>),
        value: ValueId,
        rows: &mut [f32],
        each: impl Fn(u32, usize, &mut [f32]),
    ) {
        let width = self.buffers.width(value);
        let of_sequence = self.batch.segments.iter().filter(|own| sequence == Some(own.sequence));
        let is_chosen = |row: usize| {
            sequence.is_none() || of_sequence.clone().any(|own| own.rows.contains(&row))
        };
        for (place, y) in rows.chunks_exact_mut(width).enumerate() {
            let row = match self.program.value(value).rows {
                RowKind::LogitRows => self.batch.logit_rows[place],
                RowKind::Tokens | RowKind::Queries => place,
            };
            let position = self.batch.positions[row];
            if edit.is_at(position) && is_chosen(row) {
                each(position, place, &mut y[edit.columns.clone()]);
            }
        }
    }
}

/// Changes each of a row's chosen elements by the number that it meets.
pub(crate) fn elementwise(
    edit: &Edit,
    position: u32,
    columns: &mut [f32],
    change: impl Fn(f32, f32) -> f32,
) {
    for (y, number) in columns.iter_mut().zip(edit.row(position).into_iter().flatten()) {
        *y = change(*y, number);
    }
}
