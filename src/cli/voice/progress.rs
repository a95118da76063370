//! The progress line on a terminal: files or tasks, rows, time left; nothing without a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::day::Day;
use crate::intake::{Meter, Progress};

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
        let (length, position) = match &now.stage {
            Some(stage) => (stage.tasks, stage.tasks_done),
            None => (now.total_bytes, now.bytes),
        };
        bar.set_length(length.max(1));
        bar.set_position(position);
        bar.set_message(message(&now, start.elapsed().as_secs_f64()));
        std::thread::sleep(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

/// Returns what stands behind the bar, after so many seconds.
fn message(now: &Progress, seconds: f64) -> String {
    if let Some(stage) = &now.stage {
        let failed = match stage.failed_attempts {
            0 => String::new(),
            failed => format!(", {failed} failed attempts"),
        };
        return format!("{}: {}/{} tasks{failed}", stage.stage, stage.tasks_done, stage.tasks);
    }
    let rate = HumanCount((now.rows as f64 / seconds.max(0.001)) as u64);
    format!("{}/{} files, {} rows, {rate} rows/s", now.files, now.total_files, HumanCount(now.rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_shows_its_stage_and_threads_their_files() {
        let meter = Meter::default();
        meter.begin(4, 1_000);
        meter.rows(3_000).unwrap();
        meter.file_done();
        assert_eq!(message(&meter.read(), 2.0), "1/4 files, 3,000 rows, 1,500 rows/s");
        meter.begin_stage("map".to_owned(), 32);
        meter.tasks(5, 0);
        assert_eq!(message(&meter.read(), 2.0), "map: 5/32 tasks");
        meter.begin_stage("dedupe".to_owned(), 4);
        meter.tasks(1, 2);
        assert_eq!(message(&meter.read(), 2.0), "dedupe: 1/4 tasks, 2 failed attempts");
    }
}
