//! A bar for long work, drawn on stderr if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use ledger_core::Progress;

const STEPS: u64 = 1_000;

pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {elapsed}");
        let bar = ProgressBar::new(STEPS).with_style(style.expect("the template is right"));
        Self(bar.with_message("0 entries"))
    }

    pub(super) fn watch(&self) -> impl Fn(Progress) + Send + Sync + 'static {
        let bar = self.0.clone();
        move |Progress { fraction, entries }| {
            bar.set_position((fraction * STEPS as f64) as u64);
            bar.set_message(format!("{entries} entries"));
        }
    }

    /// Prints without tearing the bar.
    pub(super) fn print(&self, line: &str) {
        self.0.suspend(|| println!("{line}"));
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
