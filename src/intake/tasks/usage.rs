//! Usage: what this process has used of its machine.

use std::fs;

use crate::intake::wire::receipt::Usage;

/// Clock ticks of a second in `/proc`: 100 on every Linux machine that Rust supports.
const TICKS: u64 = 100;

/// Returns CPU time and peak memory of this process; 0 where there is no `/proc`.
pub fn of_this_process() -> Usage {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // User and system time are the 12th and 13th words behind the name, which may have blanks.
    let words = stat.rsplit_once(')').map_or("", |(_, words)| words).split_whitespace();
    let ticks: u64 = words.skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    Usage { cpu_ms: ticks * 1_000 / TICKS, peak_memory_bytes: peak.unwrap_or(0) << 10 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_uses_memory() {
        assert!(super::of_this_process().peak_memory_bytes > 1 << 20);
    }
}
