//! Reproducible chance: a number that depends on what it is for, not on when it is drawn.

/// Draws a number in `0.0..1.0` from a seed and the names of what it decides.
pub(crate) fn draw(seed: u64, names: &[&[u8]]) -> f64 {
    let mut hash = mix(seed);
    for name in names {
        hash = mix(hash ^ fnv1a(name));
    }
    // The top 53 bits are what an f64 can hold exactly.
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// FNV-1a: short, stable over versions and platforms.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finaliser of `SplitMix64`.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_names_same_number() {
        assert_eq!(draw(1, &[b"a", b"1"]), draw(1, &[b"a", b"1"]));
        assert_ne!(draw(1, &[b"a", b"1"]), draw(2, &[b"a", b"1"]));
        assert_ne!(draw(1, &[b"a", b"1"]), draw(1, &[b"a1", b""]));
    }

    #[test]
    fn spreads_evenly() {
        let below = (0..10_000_u32)
            .filter(|i| draw(7, &[b"p", &i.to_le_bytes()]) < 0.3)
            .count();
        assert!((2_850..3_150).contains(&below), "{below}");
    }
}
