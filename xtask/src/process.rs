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
    Usage {
        cpu_s: cpu_s().unwrap_or(0.0),
        peak_mib: peak_mib().unwrap_or(0.0),
    }
}

fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold spaces; fields are counted behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn peak_mib() -> Option<f64> {
    status_mib("self", "VmHWM:")
}

/// The memory of a process that is resident now, in MiB; `None` where there is
/// no such process or no /proc.
pub fn resident_mib(process: u32) -> Option<f64> {
    status_mib(&process.to_string(), "VmRSS:")
}

fn status_mib(process: &str, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_has_used_something() {
        let usage = super::usage();
        assert!(usage.peak_mib > 0.5, "{usage:?}");
        let resident = super::resident_mib(std::process::id());
        assert!(resident.is_some_and(|mib| mib > 0.5), "{resident:?}");
    }
}
