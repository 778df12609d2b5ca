//! A second store: entries as bytes behind a wire. What the cache promises holds over it as well.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, advance, sleep};
use tower::service_fn;
use tower_ai_cache::{Entry, Got, Key, Record, Rules, Semantic, Store};
use tower_ai_core::{BoxError, CacheUse, Outcome, Question, Scope};

use self::support::*;

/// What a server far away would hold: bytes with an end, by key. Each look-up takes 5 ms.
#[derive(Clone, Default)]
struct Far(Arc<Server>);

#[derive(Default)]
struct Server {
    rows: Mutex<HashMap<Key, Row>>,
    asked: AtomicU64,
}

#[derive(Clone)]
struct Row {
    bytes: Vec<u8>,
    written: Instant,
    life: Duration,
}

impl Far {
    fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::Relaxed)
    }

    fn layer(&self) -> support::TestLayer {
        let far = self.clone();
        layer().store(move |_gone| Arc::new(far.clone()))
    }
}

fn id(row: &Row) -> u64 {
    let value: Value = serde_json::from_slice(&row.bytes).unwrap();
    value["id"].as_u64().unwrap()
}

fn write(record: &Record<Answer>) -> Vec<u8> {
    let Record {
        id,
        tenant,
        user,
        epoch,
        frame,
        text,
        stored,
        age,
        fresh,
        stale,
        tags,
        by_rule,
        bytes,
    } = record;
    let value = json!({
        "id": id, "tenant": tenant, "user": user, "epoch": epoch, "frame": frame, "text": text,
        "stored": stored.text, "age": age.as_secs_f64(), "fresh": fresh.as_secs_f64(),
        "stale": stale.as_secs_f64(), "tags": tags, "by_rule": by_rule, "bytes": bytes,
    });
    value.to_string().into_bytes()
}

fn read(row: &Row) -> Record<Answer> {
    let value: Value = serde_json::from_slice(&row.bytes).unwrap();
    let text = |key: &str| value[key].as_str().map(Into::into);
    let time = |key: &str| Duration::from_secs_f64(value[key].as_f64().unwrap());
    let list = |key: &str| value[key].as_array().unwrap().clone();
    let bytes = |value: &Value| u8::try_from(value.as_u64().unwrap()).unwrap();
    let tag = |tag: &Value| (tag[0].as_str().unwrap().into(), tag[1].as_u64().unwrap());
    Record {
        id: value["id"].as_u64().unwrap(),
        tenant: text("tenant"),
        user: text("user"),
        epoch: value["epoch"].as_u64().unwrap(),
        frame: list("frame").iter().map(bytes).collect(),
        text: text("text").unwrap(),
        stored: Answer {
            text: value["stored"].as_str().unwrap().to_owned().leak(),
            note: None,
        },
        age: time("age") + (Instant::now() - row.written),
        fresh: time("fresh"),
        stale: time("stale"),
        tags: list("tags").iter().map(tag).collect(),
        by_rule: value["by_rule"].as_bool().unwrap(),
        bytes: usize::try_from(value["bytes"].as_u64().unwrap()).unwrap(),
    }
}

impl Store<Answer> for Far {
    fn get(&self, key: &Key) -> Got<Answer> {
        let (server, key) = (Arc::clone(&self.0), *key);
        Got::Later(Box::pin(async move {
            server.asked.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(5)).await;
            let row = server.rows.lock().unwrap().get(&key).cloned()?;
            let alive = Instant::now() - row.written < row.life;
            alive.then(|| Arc::new(Entry::from_record(read(&row), Instant::now())))
        }))
    }

    fn put(&self, entry: Arc<Entry<Answer>>) {
        let now = Instant::now();
        let row = Row {
            bytes: write(&entry.record(now)),
            written: now,
            life: entry.lifetime(),
        };
        self.0.rows.lock().unwrap().insert(*entry.key(), row);
    }

    fn remove(&self, key: &Key, number: u64) {
        let mut rows = self.0.rows.lock().unwrap();
        if rows.get(key).is_some_and(|row| id(row) == number) {
            rows.remove(key);
        }
    }

    fn remove_by_id(&self, number: u64) -> bool {
        let mut rows = self.0.rows.lock().unwrap();
        let before = rows.len();
        rows.retain(|_, row| id(row) != number);
        rows.len() < before
    }

    fn clear(&self) {
        self.0.rows.lock().unwrap().clear();
    }

    fn entries(&self) -> u64 {
        self.0.rows.lock().unwrap().len() as u64
    }

    fn bytes(&self) -> u64 {
        let rows = self.0.rows.lock().unwrap();
        rows.values().map(|row| row.bytes.len() as u64).sum()
    }
}

/// Asks; the store answers after a while.
async fn asked(cache: &Mocked, prompt: Prompt) -> Answer {
    let reply = call(cache, prompt);
    settle().await;
    advance(Duration::from_millis(6)).await;
    reply.await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_equal_question_is_answered_with_its_age_until_its_time_is_over() {
    let far = Far::default();
    let (cache, mut backend) = mocked(&far.layer().ttl(10 * SEC));
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    advance(2 * SEC).await;
    let found = asked(&cache, Prompt::new("which documents  prove an identity")).await;
    assert_eq!((found.text, found.how()), ("a passport", CacheUse::Exact));
    assert!(found.note.unwrap().age >= 2 * SEC);
    advance(10 * SEC).await;
    miss(&cache, &mut backend, Prompt::new(PLAIN)).await;
}

#[tokio::test(start_paused = true)]
async fn another_process_finds_what_this_one_kept() {
    let far = Far::default();
    let (here, mut backend) = mocked(&far.layer());
    fill(&here, &mut backend, Prompt::new(PLAIN), "a passport").await;
    let (there, _idle) = mocked(&far.layer());
    assert_eq!(asked(&there, Prompt::new(PLAIN)).await.text, "a passport");
    let (raised, mut third) = mocked(&far.layer().epoch(1));
    assert!(
        miss(&raised, &mut third, Prompt::new(PLAIN))
            .await
            .is_miss()
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_crosses_a_scope_or_a_frame_whatever_the_store_returns() {
    /// Answers every key with the one entry that it has.
    struct Liar(Mutex<Option<Arc<Entry<Answer>>>>);
    impl Store<Answer> for Liar {
        fn get(&self, _: &Key) -> Got<Answer> {
            let entry = self.0.lock().unwrap().clone();
            Got::Later(Box::pin(std::future::ready(entry)))
        }
        fn put(&self, entry: Arc<Entry<Answer>>) {
            self.0.lock().unwrap().get_or_insert(entry);
        }
        fn remove(&self, _: &Key, _: u64) {}
        fn remove_by_id(&self, _: u64) -> bool {
            false
        }
        fn clear(&self) {}
        fn entries(&self) -> u64 {
            1
        }
        fn bytes(&self) -> u64 {
            1
        }
    }
    let (cache, mut backend) = mocked(&layer().store(|_| Arc::new(Liar(Mutex::default()))));
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    let framed = Prompt(Question::new(Scope::tenant("acme"), PLAIN).framed("be rude"));
    for other in [
        Prompt::of(Scope::shared(), PLAIN),
        Prompt::of(Scope::tenant("acme").user("ann"), PLAIN),
        Prompt::new("Which documents prove an address?"),
        framed,
    ] {
        assert!(miss(&cache, &mut backend, other).await.is_miss());
    }
}

#[tokio::test(start_paused = true)]
async fn equal_calls_share_one_look_up() {
    let far = Far::default();
    let (cache, mut backend) = mocked(&far.layer());
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    let before = far.asked();
    let replies: Vec<_> = (0..100).map(|_| call(&cache, Prompt::new(PLAIN))).collect();
    settle().await;
    advance(Duration::from_millis(6)).await;
    for reply in replies {
        assert_eq!(reply.await.unwrap().unwrap().text, "a passport");
    }
    assert_eq!(far.asked() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_removed_by_its_number_and_a_stale_one_stands_in() {
    let far = Far::default();
    let (cache, mut backend) = mocked(&far.layer().ttl(SEC).stale_if_error(HOUR));
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    advance(2 * SEC).await;
    let reply = call(&cache, Prompt::new(PLAIN));
    fail(&mut backend, Outcome::Fault).await;
    let stale = reply.await.unwrap().unwrap();
    assert!(stale.is_stale());
    let number = stale.note.unwrap().entry.unwrap();
    assert!(cache.handle().remove(number) && !cache.handle().remove(number));
    assert_eq!(cache.handle().entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_makes_a_miss() {
    #[derive(Default)]
    struct Hangs(Far);
    impl Store<Answer> for Hangs {
        fn get(&self, _: &Key) -> Got<Answer> {
            Got::Later(Box::pin(std::future::pending()))
        }
        fn put(&self, entry: Arc<Entry<Answer>>) {
            self.0.put(entry);
        }
        fn remove(&self, key: &Key, id: u64) {
            self.0.remove(key, id);
        }
        fn remove_by_id(&self, id: u64) -> bool {
            self.0.remove_by_id(id)
        }
        fn clear(&self) {
            self.0.clear();
        }
        fn entries(&self) -> u64 {
            self.0.entries()
        }
        fn bytes(&self) -> u64 {
            self.0.bytes()
        }
    }
    let (cache, mut backend) = mocked(&layer().store(|_| Arc::<Hangs>::default()));
    assert!(
        miss(&cache, &mut backend, Prompt::new(PLAIN))
            .await
            .is_miss()
    );
}

#[tokio::test(start_paused = true)]
async fn the_index_forgets_what_the_store_has_lost() {
    let same = Semantic::new(service_fn(|texts: Vec<String>| async move {
        Ok::<_, BoxError>(vec![vec![1.0, 0.0]; texts.len()])
    }));
    let far = Far::default();
    let layer = far.layer().rules(Rules::none()).semantic(same).ttl(SEC);
    let (cache, mut backend) = mocked(&layer);
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    let reply = call(
        &cache,
        Prompt::new("Please tell me which documents prove the identity"),
    );
    for _ in 0..3 {
        settle().await;
        advance(Duration::from_millis(6)).await;
    }
    let found = reply.await.unwrap().unwrap();
    assert!(
        matches!(found.how(), CacheUse::Semantic { .. }),
        "{found:?}"
    );
    advance(2 * SEC).await;
    assert_eq!(cache.handle().indexed(), 1);
    miss(
        &cache,
        &mut backend,
        Prompt::new("Which documents prove the identity"),
    )
    .await;
    assert_eq!(
        cache.handle().indexed(),
        1,
        "the old one is gone, the new one is there"
    );
}
