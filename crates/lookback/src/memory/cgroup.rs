//! What a control group leaves this process: a container or a service may have far less memory than the
//! machine that it runs on, and the kernel ends a process that takes more.
//!
//! Both versions are read, and every group from the process's own up to the one that is mounted, since
//! each of them bounds all below it. Where the groups are not to be seen, nothing is known of them.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// A version's files: where it is mounted, and what they are called.
struct Version {
    mounts: &'static [&'static str],
    limit: &'static str,
    used: &'static str,
    /// Of the pages of files that the kernel can take back at once, which `used` counts.
    reclaimed: [&'static str; 2],
}

/// The one hierarchy of version 2; beside version 1 it may stand in a folder of its own.
const UNIFIED: Version = Version {
    mounts: &["sys/fs/cgroup", "sys/fs/cgroup/unified"],
    limit: "memory.max",
    used: "memory.current",
    reclaimed: ["inactive_file", "active_file"],
};

/// The controller of memory of version 1.
const MEMORY: Version = Version {
    mounts: &["sys/fs/cgroup/memory"],
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimed: ["total_inactive_file", "total_active_file"],
};

/// Bytes that the groups of this process leave it; none where they set no limit. `root` is `/`, or a
/// folder that stands for it.
pub(super) fn left(root: &Path) -> Option<usize> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    // 4:memory:/a/b of version 1, and 0::/a/b of version 2.
    let of_line = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let version = match controllers {
            "" => UNIFIED,
            all if all.split(',').any(|one| one == "memory") => MEMORY,
            _ => return None,
        };
        version.left(root, Path::new(group))
    };
    groups.lines().filter_map(of_line).min()
}

impl Version {
    fn left(&self, root: &Path, group: &Path) -> Option<usize> {
        // In a container, the group that is mounted may be named as the machine names it, or as /../x.
        let is_plain =
            |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::RootDir);
        let inner = match group.components().all(|part| is_plain(&part)) {
            true => group.strip_prefix("/").unwrap_or(group),
            false => Path::new(""),
        };
        let mounts = self.mounts.iter().map(|mount| root.join(mount));
        let folders = mounts.flat_map(|mount| {
            let all: Vec<PathBuf> = inner.ancestors().map(|group| mount.join(group)).collect();
            all
        });
        folders.filter_map(|folder| self.left_in(&folder)).min()
    }

    /// What one group leaves; none where it has no limit, or is not there.
    fn left_in(&self, folder: &Path) -> Option<usize> {
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        let number = |name: &str| read(name)?.trim().parse::<usize>().ok();
        let limit = number(self.limit)?;
        let used = number(self.used).unwrap_or(0);
        let about = read("memory.stat").unwrap_or_default();
        let of_files = about.lines().filter_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            self.reclaimed.contains(&name).then(|| bytes.trim().parse::<usize>().ok())?
        });
        let reclaimed = of_files.fold(0, usize::saturating_add);
        Some(limit.saturating_sub(used.saturating_sub(reclaimed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine's files, by their paths.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn left_on(files: &[(&str, &str)]) -> Option<usize> {
        left(machine(files).path())
    }

    #[test]
    fn a_machine_without_groups_or_limits_sets_none() {
        assert_eq!(left_on(&[]), None);
        assert_eq!(left_on(&[("proc/self/cgroup", "0::/\n")]), None);
        let unlimited = [
            ("proc/self/cgroup", "0::/user.slice/run\n"),
            ("sys/fs/cgroup/user.slice/run/memory.max", "max\n"),
            ("sys/fs/cgroup/user.slice/run/memory.current", "5000\n"),
        ];
        assert_eq!(left_on(&unlimited), None);
    }

    #[test]
    fn the_tightest_of_the_groups_above_counts_less_what_all_in_it_use() {
        let files = [
            ("proc/self/cgroup", "0::/machine/box/run\n"),
            ("sys/fs/cgroup/machine/box/run/memory.max", "9000\n"),
            ("sys/fs/cgroup/machine/box/run/memory.current", "1000\n"),
            ("sys/fs/cgroup/machine/box/memory.max", "6000\n"),
            ("sys/fs/cgroup/machine/box/memory.current", "4000\n"),
            ("sys/fs/cgroup/machine/memory.max", "max\n"),
        ];
        assert_eq!(left_on(&files), Some(2000));
        // Pages of files make room when it is needed.
        let stat = "anon 1500\nfile 2600\ninactive_file 2000\nactive_file 500\nslab 7\n";
        let with_files = [&files[..], &[("sys/fs/cgroup/machine/box/memory.stat", stat)]].concat();
        assert_eq!(left_on(&with_files), Some(4500));
        // A group that has more than its limit, which was lowered, leaves nothing.
        let full = [&files[..], &[("sys/fs/cgroup/machine/box/memory.current", "7000\n")]].concat();
        assert_eq!(left_on(&full), Some(0));
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root_or_by_a_name_that_is_not_there() {
        for group in ["0::/\n", "0::/docker/4711\n", "0::/../elsewhere\n"] {
            let files = [
                ("proc/self/cgroup", group),
                ("sys/fs/cgroup/memory.max", "3000\n"),
                ("sys/fs/cgroup/memory.current", "1000\n"),
                ("elsewhere/memory.max", "1\n"),
                ("sys/fs/elsewhere/memory.max", "1\n"),
            ];
            assert_eq!(left_on(&files), Some(2000), "{group}");
        }
    }

    #[test]
    fn version_1_counts_alone_and_beside_version_2() {
        let groups = "12:cpu,cpuacct:/a\n4:hugetlb,memory:/a/b\n1:name=systemd:/a\n0::/a\n";
        let files = [
            ("proc/self/cgroup", groups),
            ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "8000\n"),
            ("sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "5000\n"),
            ("sys/fs/cgroup/memory/a/b/memory.stat", "cache 9\ntotal_inactive_file 1000\n"),
            // As it says that there is none.
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/cpu,cpuacct/a/memory.limit_in_bytes", "1\n"),
        ];
        assert_eq!(left_on(&files), Some(4000));
        let unified = [&files[..], &[("sys/fs/cgroup/unified/a/memory.max", "700\n")]].concat();
        assert_eq!(left_on(&unified), Some(700));
    }

    #[test]
    fn what_is_no_number_is_no_limit() {
        for limit in ["", "many", "-1", "18446744073709551616"] {
            let files = [("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", limit)];
            assert_eq!(left_on(&files), None, "{limit}");
        }
    }
}
