//! The system calls of a confined process. <https://docs.kernel.org/userspace-api/seccomp_filter.html>

use std::collections::BTreeMap;

use libc::c_long;
pub use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// System calls and the conditions for their arguments. A call matches if one of its rules matches, or if it has none.
pub type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// System calls that a parser needs after its start, with any arguments.
const ALLOWED: [c_long; 23] = [
    // Open descriptors.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Signals of this process.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // Locks, clock, random numbers.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Confines this thread to the system calls of a parser. Any other call ends the process with `SIGSYS`, also a call of
/// another architecture. Sets `no_new_privs` first, so it needs no privileges.
///
/// # Errors
/// The kernel does not support the filter. The process is not confined and must not read its input.
pub fn enter() -> Result<(), Error> {
    apply_filter(&parser()?)
}

/// Returns the filter of a parser.
fn parser() -> Result<BpfProgram, Error> {
    let not_executable = equal_masked(2, bits(libc::PROT_EXEC), 0)?;
    let mut rules: Rules = ALLOWED.iter().map(|call| (*call, vec![])).collect();
    rules.insert(libc::SYS_mmap, any([[not_executable.clone()]])?);
    rules.insert(libc::SYS_mprotect, any([[not_executable]])?);
    // A panic and a stack overflow abort: the process sends a signal to itself, and to no other process.
    let itself = equal(0, u64::from(std::process::id()))?;
    rules.insert(libc::SYS_tgkill, any([[itself, equal(2, bits(libc::SIGABRT))?]])?);
    // The standard library checks in debug builds that a descriptor is open. Other commands create descriptors.
    let asks = |command| Ok::<_, Error>([equal(1, bits(command))?]);
    rules.insert(libc::SYS_fcntl, any([asks(libc::F_GETFD)?, asks(libc::F_GETFL)?])?);
    compile(rules, SeccompAction::KillProcess, SeccompAction::Allow)
}

/// Compiles rules for this machine. Calls of another architecture end the process.
///
/// # Errors
/// The rules are too long, or the architecture is not supported.
pub fn compile(rules: Rules, otherwise: SeccompAction, matching: SeccompAction) -> Result<BpfProgram, Error> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, otherwise, matching, machine)?.try_into()?)
}

/// Returns rules of which one must match; in each, all conditions must match.
///
/// # Errors
/// A rule has no conditions.
pub fn any<const RULES: usize, const CONDITIONS: usize>(
    rules: [[SeccompCondition; CONDITIONS]; RULES],
) -> Result<Vec<SeccompRule>, Error> {
    rules.into_iter().map(|conditions| Ok(SeccompRule::new(conditions.into())?)).collect()
}

/// Returns a condition: the lower 32 bits of an argument equal `value`. The kernel ignores the upper bits of an `int`.
///
/// # Errors
/// The argument number is higher than 5.
pub fn equal(argument: u8, value: u64) -> Result<SeccompCondition, Error> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?)
}

/// Returns a condition: the lower 32 bits of an argument differ from `value`.
///
/// # Errors
/// The argument number is higher than 5.
pub fn differs(argument: u8, value: u64) -> Result<SeccompCondition, Error> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)?)
}

/// Returns a condition: the bits of `mask` in an argument equal `value`.
///
/// # Errors
/// The argument number is higher than 5.
pub fn equal_masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, Error> {
    let operator = SeccompCmpOp::MaskedEq(mask);
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?)
}

/// Returns a C constant as the value of an argument.
pub fn bits(constant: i32) -> u64 {
    u64::from(constant.cast_unsigned())
}
