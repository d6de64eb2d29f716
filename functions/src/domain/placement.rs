//! Which runner a new account's process goes to: the least loaded of those that match and have
//! room.

use schema::RunnerId;

use super::hub::command::Labels;

/// A runner, as the directory knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub id: RunnerId,
    pub labels: Labels,
    pub capacity: u32,
    pub load: u32,
    pub online: bool,
    pub draining: bool,
}

/// Runners to try, the best first. What the directory knows may be old by moments, so those that it
/// takes for absent or full come last instead of not at all: the runner's own object has the last
/// word.
pub fn order(mut candidates: Vec<Candidate>, wanted: &Labels) -> Vec<RunnerId> {
    candidates.retain(|it| matches(&it.labels, wanted));
    let unfit = |it: &Candidate| !it.online || it.draining || it.load >= it.capacity;
    candidates.sort_by_key(|it| (unfit(it), it.load, it.id));
    candidates.into_iter().map(|it| it.id).collect()
}

/// Whether everything that is wanted is there.
fn matches(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: u128, load: u32) -> Candidate {
        let labels = [("zone".to_owned(), "a".to_owned())].into();
        let id = RunnerId::from_bits(id);
        Candidate { id, labels, capacity: 2, load, online: true, draining: false }
    }

    #[track_caller]
    fn check(candidates: Vec<Candidate>, wanted: &Labels, ids: &[u128]) {
        let ids: Vec<_> = ids.iter().map(|id| RunnerId::from_bits(*id)).collect();
        assert_eq!(order(candidates, wanted), ids);
    }

    #[test]
    fn the_least_loaded_comes_first_and_the_unfit_last() {
        let offline = Candidate { online: false, ..candidate(3, 0) };
        let draining = Candidate { draining: true, ..candidate(4, 0) };
        let full = candidate(5, 2);
        let all = vec![full, offline, draining, candidate(1, 1), candidate(2, 0)];
        check(all, &Labels::new(), &[2, 1, 3, 4, 5]);
    }

    #[test]
    fn labels_that_are_wanted_have_to_be_there() {
        let zone = |value: &str| Labels::from([("zone".to_owned(), value.to_owned())]);
        check(vec![candidate(1, 0)], &zone("a"), &[1]);
        check(vec![candidate(1, 0)], &zone("b"), &[]);
        check(vec![candidate(1, 0)], &Labels::from([("gpu".into(), "1".into())]), &[]);
    }
}
