//! How many requests of a pool may be sent once more: a fifth of all, so that a pool whose backends fail is not asked
//! twice and three times for everything while it is down.
//!
//! A bucket of tokens. Each request puts in a fifth of one, each retry takes one out; without one, the request ends with
//! what it has. The bucket begins with [`START`], the floor under pools of few requests, and holds [`MOST`] at most, so
//! that a long calm does not pay for a long outage. Hence, whatever happens, of any `n` requests in a row no more than
//! `n / 5 +` [`MOST`] are sent again, and of the first `n` no more than `n / 5 +` [`START`]. There is no clock in it: a
//! refill by time would be a rate that fits one pool and no other, and would loosen that bound for nothing.
//!
//! Two kinds of second tries are free, because no outage can be made worse by them:
//!
//! - after a connection that was refused, unreachable or too late, since no backend has had the request;
//! - on a fresh connection in place of a pooled one that died before a byte of a response. A connection gets into the
//!   pool by a whole response and dies once: there are no more such tries than whole responses before, and of backends
//!   that answer nothing there are soon none at all.
//!
//! What is left to pay for: a fresh connection that died before a response, and what `retry_on` names.

/// Tokens at the beginning.
pub const START: u32 = 64;

/// Tokens at most: as many as the requests that one busy backend takes with it when it dies.
pub const MOST: u32 = 1024;

/// So many requests pay for a retry.
const PRICE: u32 = 5;

/// The budget of one pool.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    /// In parts of a token, of which a request brings one.
    parts: u32,
    denied: u64,
}

impl Default for RetryBudget {
    fn default() -> RetryBudget {
        RetryBudget { parts: START * PRICE, denied: 0 }
    }
}

impl RetryBudget {
    /// There is a request.
    #[inline]
    pub fn earn(&mut self) {
        self.parts = (self.parts + 1).min(MOST * PRICE);
    }

    /// Whether one may be sent once more; if so, that is paid for.
    pub fn spend(&mut self) -> bool {
        match self.parts.checked_sub(PRICE) {
            Some(left) => {
                self.parts = left;
                true
            }
            None => {
                self.denied += 1;
                false
            }
        }
    }

    /// Tokens at hand.
    pub fn tokens(&self) -> f64 {
        f64::from(self.parts) / f64::from(PRICE)
    }

    /// How often there was none.
    pub fn denied(&self) -> u64 {
        self.denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    /// What an outage of so many requests gets, each of which would be sent again.
    fn granted(budget: &mut RetryBudget, requests: u32) -> u32 {
        let one = |_: &u32| {
            budget.earn();
            budget.spend()
        };
        (0..requests).filter(one).count() as u32
    }

    #[test]
    fn an_outage_gets_the_floor_and_a_fifth() {
        let mut budget = RetryBudget::default();
        assert_eq!(granted(&mut budget, 1000), START + 200);
        assert_eq!(granted(&mut budget, 1000), 200);
        assert_eq!(budget.denied(), 2000 - 400 - u64::from(START));
        assert!(budget.tokens() < 1.0);
    }

    #[test]
    fn a_calm_pays_for_so_much_and_no_more() {
        let mut budget = RetryBudget::default();
        (0..100).for_each(|_| budget.earn());
        assert_eq!(budget.tokens(), f64::from(START) + 20.0);
        (0..1_000_000).for_each(|_| budget.earn());
        assert_eq!(budget.tokens(), f64::from(MOST));
        let burst = (0..2 * MOST).filter(|_| budget.spend()).count();
        assert_eq!((burst, budget.tokens()), (MOST as usize, 0.0));
    }

    #[test]
    fn a_pool_that_retries_less_than_a_fifth_is_never_denied() {
        let (mut budget, mut rng) = (RetryBudget::default(), Rng::new(7));
        for _ in 0..100_000 {
            budget.earn();
            assert!(!rng.chance(15, 100) || budget.spend());
        }
    }

    /// Whatever comes, in whatever order.
    #[test]
    fn no_run_of_requests_is_amplified_beyond_the_bound() {
        for seed in 0..50 {
            let (mut budget, mut rng) = (RetryBudget::default(), Rng::new(seed));
            let (mut requests, mut retries) = (vec![0u32], vec![0u32]);
            for _ in 0..3000 {
                let asks = rng.chance(1 + seed % 9, 10);
                let retried = !asks && budget.spend();
                if asks {
                    budget.earn();
                }
                requests.push(requests[requests.len() - 1] + u32::from(asks));
                retries.push(retries[retries.len() - 1] + u32::from(retried));
            }
            for from in (0..requests.len()).step_by(37) {
                for to in (from..requests.len()).step_by(41) {
                    let (asked, again) = (requests[to] - requests[from], retries[to] - retries[from]);
                    assert!(again <= asked / 5 + MOST + 1);
                    assert!(from > 0 || again <= asked / 5 + START);
                }
            }
        }
    }
}
