//! The memory available to this process.

use std::fs;
use std::io::Read;
use std::path::Path;

/// The memory available to this process, in bytes: the minimum of the machine's available memory, what its
/// control group has left (a container's limit) and what the limit on its address space leaves (`ulimit -v`).
/// `None` if the system does not report it (all except Linux).
pub fn available_bytes() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let machine = of_machine(&read("/proc/meminfo"));
    let address_space = limit(&read("/proc/self/limits")).map(|limit| {
        let used = field(&read("/proc/self/status"), "VmSize:").unwrap_or(0);
        let reserved = reserved(&read("/proc/self/smaps"));
        limit.saturating_sub(used.saturating_sub(reserved))
    });
    let group = of_group(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    [machine, address_space, group].into_iter().flatten().min()
}

/// The address space left under its limit (`ulimit -v`), and the limit, in bytes; `None` without a limit.
/// Allocates nothing, so that the problem can be reported even if an error message could not be allocated.
pub fn address_space_left() -> Option<(u64, u64)> {
    let mut text = [0; 4096];
    let limit = limit(read_into(&mut text, "/proc/self/limits")?)?;
    let used = field(read_into(&mut text, "/proc/self/status")?, "VmSize:")?;
    Some((limit.saturating_sub(used), limit))
}

/// The beginning of a file as text, as much as fits the buffer.
fn read_into<'a>(buffer: &'a mut [u8], path: &str) -> Option<&'a str> {
    let mut file = fs::File::open(path).ok()?;
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).ok()? {
            0 => break,
            read => filled += read,
        }
    }
    str::from_utf8(buffer.get(..filled)?).ok()
}

/// `MemAvailable` plus the free swap space.
fn of_machine(meminfo: &str) -> Option<u64> {
    Some(field(meminfo, "MemAvailable:")? + field(meminfo, "SwapFree:").unwrap_or(0))
}

/// The value of `NAME: 123 kB`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The soft limit on the address space, if there is one.
fn limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Minimum size of an anonymous mapping that counts as the allocator's reserve; smaller ones have other uses,
/// such as a thread's stack.
const MIN_RESERVE: u64 = 32 << 20;

/// Address space that the allocator has reserved but not used. It already counts against the limit, and the
/// next allocations are taken from it.
fn reserved(smaps: &str) -> u64 {
    let mut sum = 0;
    let mut size = None;
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if !first.ends_with(':') {
            // Lines such as `7f00-7f40 rw-p 00000000 00:00 0`, followed by a path if a file is mapped.
            let is_writable = words.next().is_some_and(|access| access.starts_with("rw"));
            size = (is_writable && words.count() <= 3).then_some(0);
        } else if let Some(bytes) = size.as_mut() {
            if let Some(found) = field(line, "Size:") {
                *bytes = found;
            } else if let Some(used) = field(line, "Rss:") {
                sum += match *bytes >= MIN_RESERVE {
                    true => bytes.saturating_sub(used),
                    false => 0,
                };
                size = None;
            }
        }
    }
    sum
}

/// The memory left in the control group and its ancestors, in version 2 (`memory.max`) or 1
/// (`memory.limit_in_bytes`). Cached files count as free, since the system drops them first.
fn of_group(groups: &str, root: &Path) -> Option<u64> {
    groups
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
            let (root, files) = if controllers.is_empty() {
                (
                    root.to_path_buf(),
                    ["memory.max", "memory.current", "file "],
                )
            } else if controllers.split(',').any(|name| name == "memory") {
                (
                    root.join("memory"),
                    [
                        "memory.limit_in_bytes",
                        "memory.usage_in_bytes",
                        "total_cache ",
                    ],
                )
            } else {
                return None;
            };
            // A container sees its own group as the root, whatever the path is.
            let group = root.join(path);
            group
                .ancestors()
                .take_while(|group| group.starts_with(&root))
                .filter_map(|group| left(group, files))
                .min()
        })
        .min()
}

/// The memory left in one group, if it has a limit.
fn left(group: &Path, [limit, used, cached]: [&str; 3]) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let limit: u64 = read(limit)?.trim().parse().ok()?; // "max": no limit
    let used: u64 = read(used)?.trim().parse().ok()?;
    let statistics = read("memory.stat").unwrap_or_default();
    let cached = statistics
        .lines()
        .find_map(|line| line.strip_prefix(cached)?.trim().parse::<u64>().ok());
    Some(limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_and_the_address_space_are_read() {
        let meminfo = "MemTotal: 100 kB\nMemAvailable:   60 kB\nSwapFree:  4 kB\n";
        assert_eq!(of_machine(meminfo), Some(64 * 1024));
        assert_eq!(of_machine(""), None);
        let row = |value: &str| {
            format!("Max data size unlimited\nMax address space {value} unlimited bytes\n")
        };
        assert_eq!(limit(&row("4096000000")), Some(4_096_000_000));
        assert_eq!(limit(&row("unlimited")), None);
    }

    #[test]
    fn only_what_an_allocator_has_reserved_is_free_again() {
        let mapping = |head: &str, size: u64, rss: u64| {
            format!("{head}\nSize: {size} kB\nKernelPageSize: 4 kB\nRss: {rss} kB\nPss: 9 kB\n")
        };
        let smaps = [
            mapping(
                "5500-5600 r-xp 00000000 08:01 99 /usr/bin/receptive",
                90_000,
                10,
            ),
            mapping("7f00-7f10 rw-p 00000000 00:00 0 ", 1_048_576, 48_576),
            mapping("7f10-7f20 ---p 00000000 00:00 0 ", 65_536, 0),
            mapping("7f20-7f30 rw-p 00000000 00:00 0 ", 8_192, 16),
            mapping("7f30-7f40 rw-p 00000000 08:01 99 /data/file", 90_000, 0),
            mapping("7ffd-7ffe rw-p 00000000 00:00 0 [stack]", 90_000, 8),
        ];
        assert_eq!(reserved(&smaps.concat()), 1_000_000 * 1024);
        assert_eq!(reserved(""), 0);
    }

    #[test]
    fn the_smallest_limit_of_the_groups_counts_and_cached_files_are_free() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        // Version 2, where the outer group has less left than the inner one.
        write("a/memory.max", "1000\n");
        write("a/memory.current", "900\n");
        write("a/memory.stat", "anon 600\nfile 300\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "10\n");
        assert_eq!(of_group("0::/a/b\n", root.path()), Some(400));
        // Version 1, seen from within a container: the path does not exist, but its root does.
        write("memory/memory.limit_in_bytes", "500\n");
        write("memory/memory.usage_in_bytes", "300\n");
        write("memory/memory.stat", "cache 7\ntotal_cache 50\n");
        assert_eq!(
            of_group("4:memory:/docker/x\n1:cpu:/\n", root.path()),
            Some(250)
        );
        assert_eq!(of_group("1:cpu:/\n", root.path()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_says_how_much_it_has() {
        let bytes = available_bytes().unwrap();
        assert!((1 << 20..1 << 50).contains(&bytes), "{bytes}");
        let mut text = [0; 4096];
        let status = read_into(&mut text, "/proc/self/status").unwrap();
        assert!(field(status, "VmSize:") > Some(1 << 20), "{status}");
    }
}
