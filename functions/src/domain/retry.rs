//! When what failed is tried again.

/// Between tries: a minute, five, twenty-five, two hours, six.
const LADDER_MS: [i64; 5] = [60_000, 300_000, 1_500_000, 7_200_000, 21_600_000];

/// How long to wait after so many tries, a tenth more or less by the dice, so that many do not come
/// back at once; nothing when it has been tried often enough.
pub fn wait_ms(tries: u32, dice: u8) -> Option<i64> {
    let step = *LADDER_MS.get(usize::try_from(tries.checked_sub(1)?).ok()?)?;
    let tenth = step / 10;
    Some(step - tenth + 2 * tenth * i64::from(dice) / i64::from(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_follow_the_first_each_within_a_tenth_of_its_step() {
        for (tries, step) in (1..).zip(LADDER_MS) {
            assert_eq!(wait_ms(tries, 0), Some(step * 9 / 10));
            assert_eq!(wait_ms(tries, 255), Some(step * 11 / 10));
        }
        assert_eq!((wait_ms(0, 0), wait_ms(6, 0)), (None, None));
    }
}
