/// The most memory this process has held, in bytes; `None` where the system does not say (all but
/// Linux).
pub fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_touched_counts() {
        let before = peak_resident_bytes().unwrap();
        let touched = vec![1u8; 64 << 20];
        std::hint::black_box(&touched);
        assert!(peak_resident_bytes().unwrap() >= before.max(64 << 20));
    }
}
