//! What a person at the terminal sees of it: notes, then a line that moves.

use crate::{default_command::make::MakeEvent, print::Print, progress::Progress};

/// The progress at a terminal.
pub(super) struct TerminalProgress<'a> {
    print: &'a mut Print,
    progress: Option<Progress>,
}

impl<'a> TerminalProgress<'a> {
    /// Says it to the terminal.
    pub(super) fn new(print: &'a mut Print) -> Self {
        Self { print, progress: None }
    }

    /// Shows an event of the making.
    pub(super) fn update(&mut self, event: &MakeEvent<'_>) {
        match event {
            MakeEvent::Phase(description) => self.print.status(description),
            MakeEvent::Started(run) => {
                let parameters = run.weights.network().parameters();
                self.print.status(&format!(
                    "training {parameters} parameters on {} tokens of it",
                    run.tokens
                ));
                self.progress = Some(Progress::new(run.recipe, 0, None, self.print));
            }
            MakeEvent::Abilities { .. } | MakeEvent::Sample { .. } => {}
            MakeEvent::Training(event) => {
                if let Some(progress) = &self.progress {
                    progress.update(event, self.print);
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
