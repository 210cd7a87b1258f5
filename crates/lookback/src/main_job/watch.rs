//! What a person at the terminal sees of it: notes, then a line that moves.

use crate::{main_job::make::Told, print::Print, progress::Progress};

/// Somebody who watches.
pub(super) struct Watch<'a> {
    print: &'a mut Print,
    progress: Option<Progress>,
}

impl<'a> Watch<'a> {
    /// Says it to the terminal.
    pub(super) fn new(print: &'a mut Print) -> Self {
        Self { print, progress: None }
    }

    /// Takes up what the making tells.
    pub(super) fn tell(&mut self, told: &Told<'_>) {
        match told {
            Told::Doing(what) => self.print.note(what),
            Told::Begun(begun) => {
                let parameters = begun.weights.network().parameters();
                self.print.note(&format!(
                    "training {parameters} parameters on {} tokens of it",
                    begun.tokens
                ));
                self.progress = Some(Progress::new(begun.recipe, 0, None, self.print));
            }
            Told::Able { .. } | Told::Said { .. } => {}
            Told::Event(event) => {
                if let Some(progress) = &self.progress {
                    progress.tell(event, self.print);
                }
            }
        }
    }

    /// Takes the line away.
    pub(super) fn end(self) {
        if let Some(progress) = self.progress {
            progress.end();
        }
    }
}
