//! The two loops that take the time. Each CPU runs them with what it has: pulp detects it.

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// The words of the code of a vector.
pub(super) const fn words(dimensions: usize) -> usize {
    dimensions.div_ceil(64)
}

/// Adds the code of a vector: the signs of its numbers.
pub(super) fn encode(vector: &[f32], codes: &mut Vec<u64>) {
    codes.extend(vector.chunks(64).map(|part| {
        let bit = |(i, x): (usize, &f32)| u64::from(*x > 0.0) << i;
        part.iter().enumerate().map(bit).sum::<u64>()
    }));
}

/// Counts for each code in how many bits it differs from the query.
pub(super) fn distances(codes: &[u64], query: &[u64], out: &mut [u32]) {
    ARCH.dispatch(Distances { codes, query, out });
}

struct Distances<'a> {
    codes: &'a [u64],
    query: &'a [u64],
    out: &'a mut [u32],
}

impl WithSimd for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { codes, query, out } = self;
        match query.len() {
            6 => fixed::<6>(codes, query, out),
            8 => fixed::<8>(codes, query, out),
            12 => fixed::<12>(codes, query, out),
            16 => fixed::<16>(codes, query, out),
            24 => fixed::<24>(codes, query, out),
            _ => any(codes, query, out),
        }
    }
}

#[inline(always)]
fn fixed<const W: usize>(codes: &[u64], query: &[u64], out: &mut [u32]) {
    let Some(query) = query.first_chunk::<W>() else {
        return;
    };
    let (codes, _) = codes.as_chunks::<W>();
    for (code, out) in codes.iter().zip(out) {
        let mut sum = 0;
        for w in 0..W {
            sum += (code[w] ^ query[w]).count_ones();
        }
        *out = sum;
    }
}

#[inline(always)]
fn any(codes: &[u64], query: &[u64], out: &mut [u32]) {
    for (code, out) in codes.chunks_exact(query.len().max(1)).zip(out) {
        let bits = code.iter().zip(query).map(|(a, b)| (a ^ b).count_ones());
        *out = bits.sum();
    }
}

/// The inner product of two vectors.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    ARCH.dispatch(Dot { a, b })
}

struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        let mut sums = [0.0_f32; 32];
        let ((a, a_rest), (b, b_rest)) = (self.a.as_chunks::<32>(), self.b.as_chunks::<32>());
        for (a, b) in a.iter().zip(b) {
            for i in 0..32 {
                sums[i] += a[i] * b[i];
            }
        }
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
        sums.iter().sum::<f32>() + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loops_count_what_they_should_at_every_size() {
        let chance = tower_ai_core::Chance::seeded(3);
        #[expect(clippy::cast_possible_truncation, reason = "test numbers")]
        let vector =
            |n: usize| -> Vec<f32> { (0..n).map(|_| (chance.unit() - 0.5) as f32).collect() };
        for dimensions in [1, 63, 64, 65, 384, 512, 700, 768, 1024, 1536, 3072] {
            let (a, b) = (vector(dimensions), vector(dimensions));
            let (mut codes, mut query) = (Vec::new(), Vec::new());
            encode(&a, &mut codes);
            encode(&b, &mut codes);
            encode(&b, &mut query);
            assert_eq!(query.len(), words(dimensions));
            let mut found = [0; 2];
            distances(&codes, &query, &mut found);
            let differ = a.iter().zip(&b).filter(|(a, b)| (**a > 0.0) != (**b > 0.0));
            assert_eq!(found, [u32::try_from(differ.count()).unwrap(), 0]);
            let plain: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-3);
        }
    }
}
