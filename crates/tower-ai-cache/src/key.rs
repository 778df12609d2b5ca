//! What an answer is kept under.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use tower_ai_core::{Question, Scope};

/// The 256-bit key of an entry: a hash of its place and its normal text.
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

    pub(crate) fn of(place: &PlaceId, text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&place.0);
        hasher.update(text.as_bytes());
        Self(hasher.finalize().into())
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
        let mut hasher = blake3::Hasher::new();
        hasher.update(&epoch.to_le_bytes());
        for part in [question.scope().tenant_id(), user] {
            // A length that no text has stands for "none".
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hasher.update(&length.to_le_bytes());
            hasher.update(part.unwrap_or_default().as_bytes());
        }
        hasher.update(question.frame());
        Self(hasher.finalize().into())
    }

    /// Takes the bytes of one that was made before.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

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
