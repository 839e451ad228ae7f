//! Splits the tenants of a sweep into shares that one invocation each can handle.

/// Tenants that one invocation handles without help. At about 40 ms each, 16 at a time, far below its time limit.
const SMALLEST: usize = 200;
/// Invocations at the same time, if the shares stay below [`LARGEST`]. They count against the scheduler's
/// concurrency, which `dispatch` needs as well.
const INVOCATIONS: usize = 8;
/// Tenants per share: their ids must fit into the 256 KB of an asynchronous invocation.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LARGEST: usize = 5_000;

/// Returns the shares of `tenants`, in order. Each tenant is in one share.
pub(crate) fn split<T>(tenants: &[T]) -> Vec<&[T]> {
    let size = tenants.len().div_ceil(INVOCATIONS).clamp(SMALLEST, LARGEST);
    tenants.chunks(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_is_in_one_share() {
        for number in [0, 1, 200, 201, 2_500, 10_000, 100_000] {
            let tenants: Vec<usize> = (0..number).collect();
            let shares = split(&tenants);
            assert_eq!(shares.concat(), tenants);
            assert!(shares.iter().all(|share| (1..=LARGEST).contains(&share.len())));
        }
    }

    #[test]
    fn ten_thousand_tenants_are_handled_by_eight_invocations() {
        let tenants = vec![(); 10_000];
        assert_eq!(split(&tenants).iter().map(|share| share.len()).collect::<Vec<_>>(), vec![1_250; 8]);
        assert_eq!(split(&tenants[..200]).len(), 1, "a small tier needs no second invocation");
    }
}
