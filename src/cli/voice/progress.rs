//! The progress line on a terminal: files, rows per second, time left; nothing without a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::day::Day;
use crate::intake::Meter;

/// A progress bar that follows a [`Meter`] until it is dropped.
pub struct ProgressLine {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressLine {
    pub fn show(day: Day, meter: &Arc<Meter>, is_quiet: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = (!is_quiet && std::io::stderr().is_terminal()).then(|| {
            let (stop, meter) = (stop.clone(), meter.clone());
            std::thread::spawn(move || follow(day, &meter, &stop))
        });
        Self { stop, thread }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn follow(day: Day, meter: &Meter, stop: &AtomicBool) {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3}% {msg} ETA {eta}") {
        bar.set_style(style);
    }
    bar.set_prefix(day.to_string());
    let start = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let now = meter.read();
        bar.set_length(now.total_bytes.max(1));
        bar.set_position(now.bytes);
        let rate = now.rows as f64 / start.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!(
            "{}/{} files, {} rows, {} rows/s",
            now.files,
            now.total_files,
            HumanCount(now.rows),
            HumanCount(rate as u64)
        ));
        std::thread::sleep(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}
