//! What an answer is kept under.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use tower_ai_core::{Question, Scope};

use crate::normal::normalise;

/// The 256-bit key of an entry: a hash of everything that must be equal, its normal text last.
///
/// Equal keys are not trusted: what was stored is compared with what is asked before an answer is given.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Key([u8; 32]);

impl Key {
    /// The bytes, for a store that takes them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of a question in epoch 0, kept apart for its user.
    #[must_use]
    pub fn of_question(question: &Question) -> Self {
        let (scope, normal) = (question.scope(), normalise(question.text()));
        let (tenant, user) = (scope.tenant_id(), scope.user_id());
        Self::of(0, tenant, user, question.frame(), &normal)
    }

    pub(crate) fn of(
        epoch: u64,
        tenant: Option<&str>,
        user: Option<&str>,
        frame: &[u8],
        text: &str,
    ) -> Self {
        Self(hash(epoch, tenant, user, frame, Some(text)))
    }

    /// Takes the bytes of one that was made before.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Takes the first bytes of a [`Key`] for its hash: they are one already.
#[derive(Debug, Default)]
pub(crate) struct KeyHasher(u64);

pub(crate) type BuildKeyHasher = BuildHasherDefault<KeyHasher>;

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some((first, _)) = bytes.split_first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of the array, which is always the same.
    fn write_usize(&mut self, _: usize) {}
}

/// The 256-bit name of a place: everything that must be equal for two questions to share an answer, bar their text.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PlaceId([u8; 32]);

impl PlaceId {
    /// The bytes, for an index that takes them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The place of a question; `user` is the one it is kept apart for.
    pub(crate) fn of(question: &Question, user: Option<&str>, epoch: u64) -> Self {
        let tenant = question.scope().tenant_id();
        Self(hash(epoch, tenant, user, question.frame(), None))
    }

    /// Takes the bytes of one that was made before.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Hashes parts so that nothing can be moved from one to another: small ones are joined first, as a hasher takes
/// longer to be fed than to hash them.
fn hash(
    epoch: u64,
    tenant: Option<&str>,
    user: Option<&str>,
    frame: &[u8],
    text: Option<&str>,
) -> [u8; 32] {
    // A length that no text has stands for "none".
    let length = |part: Option<&str>| part.map_or(u64::MAX, |part| part.len() as u64);
    let numbers = [
        epoch,
        length(tenant),
        length(user),
        frame.len() as u64,
        length(text),
    ];
    let mut buffer = [0; SMALL];
    let mut used = 0;
    for number in numbers {
        buffer[used..used + 8].copy_from_slice(&number.to_le_bytes());
        used += 8;
    }
    let parts = [
        tenant.unwrap_or_default().as_bytes(),
        user.unwrap_or_default().as_bytes(),
        frame,
        text.unwrap_or_default().as_bytes(),
    ];
    let rest: usize = parts.iter().map(|part| part.len()).sum();
    if used + rest <= SMALL {
        for part in parts {
            buffer[used..used + part.len()].copy_from_slice(part);
            used += part.len();
        }
        return blake3::hash(&buffer[..used]).into();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&buffer[..used]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// What is joined before it is hashed.
const SMALL: usize = 512;

/// Everything that must be equal for two questions to share an answer, bar their text.
pub(crate) struct Place {
    pub(crate) id: PlaceId,
    tenant: Option<Box<str>>,
    user: Option<Box<str>>,
    epoch: u64,
    frame: Box<[u8]>,
}

impl Place {
    pub(crate) fn new(
        id: PlaceId,
        question: &Question,
        user: Option<&str>,
        epoch: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            tenant: question.scope().tenant_id().map(Into::into),
            user: user.map(Into::into),
            epoch,
            frame: question.frame().into(),
        })
    }

    pub(crate) fn of_parts(
        tenant: Option<&str>,
        user: Option<&str>,
        epoch: u64,
        frame: &[u8],
    ) -> Self {
        Self {
            id: PlaceId(hash(epoch, tenant, user, frame, None)),
            tenant: tenant.map(Into::into),
            user: user.map(Into::into),
            epoch,
            frame: frame.into(),
        }
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// Whether the question is asked at this very place, byte for byte.
    pub(crate) fn is_of(&self, question: &Question, user: Option<&str>, epoch: u64) -> bool {
        self.epoch == epoch
            && self.tenant.as_deref() == question.scope().tenant_id()
            && self.user.as_deref() == user
            && *self.frame == *question.frame()
    }

    /// The bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let length = |part: &Option<Box<str>>| part.as_ref().map_or(0, |part| part.len());
        size_of::<Self>() + length(&self.tenant) + length(&self.user) + self.frame.len()
    }
}

/// The user that a question is kept apart for, if any.
pub(crate) fn user_of(scope: &Scope, personal: bool) -> Option<&str> {
    scope
        .user_id()
        .filter(|_| personal || !scope.is_user_if_personal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(scope: Scope, frame: &str) -> PlaceId {
        let user = scope.user_id().map(str::to_owned);
        let question = Question::new(scope, "text").framed(frame);
        PlaceId::of(&question, user.as_deref(), 0)
    }

    #[test]
    fn joined_and_fed_parts_hash_alike() {
        for length in [0, 1, 300, 471, 472, 473, 2000] {
            let frame = vec![7; length];
            let mut hasher = blake3::Hasher::new();
            for number in [3, 1, u64::MAX, length as u64, 0] {
                hasher.update(&u64::to_le_bytes(number));
            }
            hasher.update(b"t").update(&frame);
            let whole: [u8; 32] = hasher.finalize().into();
            assert_eq!(
                hash(3, Some("t"), None, &frame, Some("")),
                whole,
                "{length}"
            );
        }
    }

    #[test]
    fn nothing_can_be_moved_from_one_part_of_a_place_to_another() {
        let ids = [
            id(Scope::shared(), "f"),
            id(Scope::tenant(""), "f"),
            id(Scope::tenant("ab"), "f"),
            id(Scope::tenant("a").user("b"), "f"),
            id(Scope::tenant("").user("ab"), "f"),
            id(Scope::shared().user("ab"), "f"),
            id(Scope::tenant("ab"), "g"),
        ];
        for (i, a) in ids.iter().enumerate() {
            for b in &ids[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }
}
