//! The system calls that a command may not use. Landlock does not check them, or not completely.
//!
//! A call that programs try and do without gets an error. A call that only an attack uses ends the process.

use bulkhead_confinement::seccomp::{
    BpfProgram, Error, Rules, SeccompAction, any, apply_filter, bits, compile, differs, equal, equal_masked,
};
use libc::{c_int, c_long};
use seccompiler::sock_filter;

/// The newest system call that the rules below know: `removexattrat` of Linux 6.13. Newer calls do not exist for a
/// command.
const NEWEST: u32 = 466;
/// The first number of the x32 calls of x86-64, which no rule for x86-64 matches.
const X32: u32 = 0x4000_0000;

/// Calls that change the kernel, or take a descriptor from another process.
const KILLED: &[c_long] = &[
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_pidfd_getfd,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
];

const REFUSED: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    // Operations that other system calls would be checked for.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Keys, also Kerberos tickets of the operator.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Shared memory, semaphores and messages of the operator's other processes.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Large parts of the kernel that a command does not need.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_vhangup,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
];

/// Commands of `ioctl` that act on a terminal: type into it, paste into it, change its line discipline, take the
/// console.
const TERMINAL: [u64; 4] = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD, libc::TIOCCONS];

const NAMESPACES: [c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Applies the filters to this thread and the program that it executes. They cannot be removed. Allows UDP if
/// `datagrams` is set.
///
/// # Errors
/// The kernel does not support the filters. The command must not run.
pub(crate) fn confine(datagrams: bool) -> Result<(), Error> {
    apply_filter(&numbers())?;
    let refuse = |rules, errno: c_int| {
        compile(rules, SeccompAction::Allow, SeccompAction::Errno(errno.cast_unsigned()))
    };
    apply_filter(&compile(without_conditions(KILLED), SeccompAction::Allow, SeccompAction::KillProcess)?)?;
    apply_filter(&refuse(forbidden()?, libc::EPERM)?)?;
    apply_filter(&refuse(sockets(datagrams)?, libc::EACCES)?)?;
    // Its flags are in memory, where no filter reads them. Programs fall back to `clone`.
    apply_filter(&refuse(without_conditions(&[libc::SYS_clone3]), libc::ENOSYS)?)
}

fn without_conditions(calls: &[c_long]) -> Rules {
    calls.iter().map(|call| (*call, vec![])).collect()
}

/// Returns a filter of the numbers alone: x32 calls end the process, and calls that are too new do not exist.
fn numbers() -> BpfProgram {
    let number = sock_filter { code: BPF_LOAD_WORD, jt: 0, jf: 0, k: 0 };
    let at_least = |k, otherwise| sock_filter { code: BPF_JUMP_AT_LEAST, jt: 0, jf: otherwise, k };
    let answer = |k| sock_filter { code: BPF_RETURN, jt: 0, jf: 0, k };
    vec![
        number,
        at_least(X32, 1),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        at_least(NEWEST + 1, 1),
        answer(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        answer(libc::SECCOMP_RET_ALLOW),
    ]
}

/// Loads a 32-bit word of `struct seccomp_data`, of which the first is the number.
const BPF_LOAD_WORD: u16 = 0x20;
const BPF_JUMP_AT_LEAST: u16 = 0x35;
const BPF_RETURN: u16 = 0x06;

fn forbidden() -> Result<Rules, Error> {
    let mut rules = without_conditions(REFUSED);
    let command = |command| Ok::<_, Error>([equal(1, command)?]);
    let [sti, linux, discipline, console] = TERMINAL;
    rules.insert(
        libc::SYS_ioctl,
        any([command(sti)?, command(linux)?, command(discipline)?, command(console)?])?,
    );
    let flags = NAMESPACES.map(bits).map(|flag| [equal_masked(0, flag, flag)]);
    let mut cloned = vec![];
    for [flag] in flags {
        cloned.extend(any([[flag?]])?);
    }
    rules.insert(libc::SYS_clone, cloned);
    // Limits of other processes.
    rules.insert(libc::SYS_prlimit64, any([[differs(0, 0)?]])?);
    Ok(rules)
}

/// Returns the calls that create or use a socket other than a TCP socket or a pair of local sockets.
///
/// Landlock checks `connect` of TCP sockets only. It does not check multipath TCP, UDP, local sockets in the file
/// system, and a connection that `sendto` opens (TCP Fast Open).
fn sockets(datagrams: bool) -> Result<Rules, Error> {
    // Bits of the type: STREAM is 1, DGRAM 2, RAW 3, SEQPACKET 5. Higher bits are flags.
    let unset = |bits| equal_masked(1, bits, 0);
    let set = |bits| equal_masked(1, bits, bits);
    let mut socket = any([[differs(0, bits(libc::AF_INET))?, differs(0, bits(libc::AF_INET6))?]])?;
    let no_tcp = [differs(2, bits(libc::IPPROTO_IP))?, differs(2, bits(libc::IPPROTO_TCP))?];
    if datagrams {
        let [unspecified, tcp] = no_tcp;
        socket.extend(any([[unspecified, tcp, differs(2, bits(libc::IPPROTO_UDP))?]])?);
        socket.extend(any([[unset(3)?], [set(3)?], [set(4)?], [set(8)?]])?);
    } else {
        socket.extend(any([no_tcp])?);
        socket.extend(any([[unset(1)?], [set(2)?], [set(4)?], [set(8)?]])?);
    }
    let mut rules = Rules::from([(libc::SYS_socket, socket)]);
    // A pair of datagram sockets could send to the name of another local socket.
    let pair = any([[differs(0, bits(libc::AF_UNIX))?], [unset(1)?], [set(2)?], [set(8)?]])?;
    rules.insert(libc::SYS_socketpair, pair);
    let opens =
        |flags| Ok::<_, Error>([equal_masked(flags, bits(libc::MSG_FASTOPEN), bits(libc::MSG_FASTOPEN))?]);
    rules.insert(libc::SYS_sendto, any([opens(3)?])?);
    rules.insert(libc::SYS_sendmsg, any([opens(2)?])?);
    rules.insert(libc::SYS_sendmmsg, any([opens(3)?])?);
    Ok(rules)
}
