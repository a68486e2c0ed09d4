//! What processes have used so far, as Linux tells it.

/// Processor time and memory of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Seconds of processor time, in user and system mode.
    pub cpu_s: f64,
    /// The most memory that was resident at once, in MiB.
    pub peak_mib: f64,
}

/// Ticks a second in /proc; fixed by Linux's interface to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// The usage now; zeros where there is no /proc.
pub fn usage() -> Usage {
    usage_in("self")
}

/// The usage of another process; zeros where it is gone or there is no /proc.
pub fn usage_of(process: u32) -> Usage {
    usage_in(&process.to_string())
}

fn usage_in(process: &str) -> Usage {
    Usage {
        cpu_s: stat_s(process, 11).unwrap_or(0.0),
        peak_mib: status_mib(process, "VmHWM:").unwrap_or(0.0),
    }
}

/// Processor time, user and system, of the processes that this one has started
/// and waited for, in seconds; 0 where there is no /proc. Exact to the
/// hundredth of a second: take the difference over many processes.
pub fn children_cpu_s() -> f64 {
    stat_s("self", 13).unwrap_or(0.0)
}

/// The sum of two neighbouring times of a process's stat in /proc.
fn stat_s(process: &str, first: usize) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold spaces; fields are counted behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(first);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// Processor time of this thread in seconds, told anew every few milliseconds;
/// 0 where there is no /proc.
pub fn thread_cpu_s() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split_whitespace().next();
    nanoseconds
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0)
        / 1e9
}

/// Makes the present memory of this process its peak.
pub fn reset_peak() -> Result<(), String> {
    const FORGET_PEAK: &str = "5";
    std::fs::write("/proc/self/clear_refs", FORGET_PEAK)
        .map_err(|error| format!("write /proc/self/clear_refs: {error}"))
}

/// The memory of this process that is resident now, in bytes; 0 where there
/// is no /proc.
pub fn resident_bytes() -> usize {
    status_kib("self", "VmRSS:").map_or(0, |kib| kib << 10)
}

/// The part of it that is files, chiefly the program's own code, which is read
/// in as it first runs; 0 where there is no /proc.
pub fn resident_file_bytes() -> usize {
    status_kib("self", "RssFile:").map_or(0, |kib| kib << 10)
}

/// The most memory that was resident at once, in bytes; 0 where there is no
/// /proc.
pub fn peak_bytes() -> usize {
    status_kib("self", "VmHWM:").map_or(0, |kib| kib << 10)
}

/// The memory of a process that is resident now, in MiB; `None` where there is
/// no such process or no /proc.
pub fn resident_mib(process: u32) -> Option<f64> {
    status_mib(&process.to_string(), "VmRSS:")
}

fn status_mib(process: &str, field: &str) -> Option<f64> {
    let kib = u32::try_from(status_kib(process, field)?).ok()?;
    Some(f64::from(kib) / 1024.0)
}

fn status_kib(process: &str, field: &str) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_has_used_something() {
        let usage = super::usage();
        assert!(usage.peak_mib > 0.5, "{usage:?}");
        assert!(super::thread_cpu_s() > 0.0);
        assert!(super::resident_bytes() > 1 << 19 && super::peak_bytes() > 1 << 19);
        assert!(super::resident_file_bytes() > 1 << 16);
        let resident = super::resident_mib(std::process::id());
        assert!(resident.is_some_and(|mib| mib > 0.5), "{resident:?}");
    }
}
