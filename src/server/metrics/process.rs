//! What the system says of the process. Empty where there is no `/proc`.

use std::fs;

/// Ticks of the processor's time a second, as Linux shows it to programs.
const TICKS: f64 = 100.0;
const KIB: u64 = 1024;
/// Fields of `/proc/self/stat` behind the name of the program: the state is the first.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;

/// What the process takes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Process {
    /// The processor's time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Memory that is there, in bytes.
    pub resident_bytes: Option<u64>,
    /// Memory that was asked for, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Open files and sockets.
    pub fds: Option<u64>,
    /// How many may be open.
    pub fds_max: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Asks the system.
#[must_use]
pub fn read() -> Process {
    let text = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let (status, limits) = (text("status"), text("limits"));
    // Reading the folder opens one more.
    let fds = fs::read_dir("/proc/self/fd").ok().map(|open| (open.count() as u64).saturating_sub(1));
    Process {
        cpu_seconds: cpu_seconds(&text("stat")),
        resident_bytes: number(&status, "VmRSS:").map(|kib| kib * KIB),
        virtual_bytes: number(&status, "VmSize:").map(|kib| kib * KIB),
        fds,
        fds_max: number(&limits, "Max open files"),
        threads: number(&status, "Threads:"),
    }
}

/// The first number behind a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The program's name may have blanks and brackets in it.
    let (_, behind) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(f64::from(ticks(USER_TICKS)?.checked_add(ticks(SYSTEM_TICKS)?)?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, number, read};

    #[test]
    fn what_the_system_writes_is_understood() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 100 1000 50";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(number("Threads:\t5\nVmRSS:\t  120 kB\n", "VmRSS:"), Some(120));
        assert_eq!(number("Max open files            1024                 4096                 files", "Max open files"), Some(1024));
        assert_eq!((number("", "VmRSS:"), cpu_seconds("")), (None, None));
    }

    #[test]
    fn a_process_has_memory_and_open_files() {
        let process = read();
        assert!(process.resident_bytes.is_none_or(|bytes| bytes > 1 << 20));
        assert!(process.fds.is_none_or(|fds| fds > 2));
    }
}
