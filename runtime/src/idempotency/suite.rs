//! The behaviour that every store has, run against each of them: those in memory here, and those of services where
//! `make test` says where these are.
//!
//! SQL is no [`DedupeStore`]: there a claim is a transaction that holds the mark, `done` is its commit, `release` its end
//! without one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Claim, DedupeStore, EventKey, MemoryStore, Owner, TopicStore};
use crate::Settings;

const A: Owner = Owner(1);
const B: Owner = Owner(2);

fn settings() -> Settings {
    let mut settings = Settings::new(std::env::var("EVENTWRIGHT_TEST_BOOTSTRAP").unwrap_or_default(), "http://unused");
    settings.redis.url = std::env::var("EVENTWRIGHT_TEST_REDIS").unwrap_or_default();
    settings
}

/// Returns a name that no other test, and no other run, has.
fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{name}-{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The group that a suite runs in.
struct Suite<S> {
    store: S,
    group: String,
}

impl<S: DedupeStore> Suite<S> {
    async fn run(store: S) {
        let group = unique("group");
        store.open(&group).await.unwrap();
        let suite = Self { store, group };
        suite.an_event_is_new_then_in_progress_then_a_duplicate().await;
        suite.what_was_released_is_new_for_anybody().await;
        suite.only_the_owner_releases().await;
        suite.groups_and_ids_do_not_meet().await;
        suite.a_release_after_the_mark_changes_nothing().await;
        suite.of_many_claims_at_once_one_is_new().await;
    }

    fn key(&self, id: &str) -> EventKey {
        EventKey::new(self.group.as_str(), id)
    }

    async fn claim(&self, id: &str, owner: Owner) -> Claim {
        self.store.claim(&self.key(id), owner).await.unwrap()
    }

    async fn an_event_is_new_then_in_progress_then_a_duplicate(&self) {
        assert_eq!(self.claim("1", A).await, Claim::New);
        assert_eq!(self.claim("1", A).await, Claim::New, "an owner may ask again");
        assert_eq!(self.claim("1", B).await, Claim::InProgress);
        self.store.done(&self.key("1")).await.unwrap();
        self.store.done(&self.key("1")).await.unwrap();
        assert_eq!([self.claim("1", A).await, self.claim("1", B).await], [Claim::Duplicate; 2]);
    }

    async fn what_was_released_is_new_for_anybody(&self) {
        assert_eq!(self.claim("2", A).await, Claim::New);
        self.store.release(&self.key("2"), A).await.unwrap();
        assert_eq!(self.claim("2", B).await, Claim::New);
    }

    async fn only_the_owner_releases(&self) {
        assert_eq!(self.claim("3", A).await, Claim::New);
        self.store.release(&self.key("3"), B).await.unwrap();
        assert_eq!(self.claim("3", B).await, Claim::InProgress);
    }

    async fn groups_and_ids_do_not_meet(&self) {
        assert_eq!(self.claim("4", A).await, Claim::New);
        self.store.done(&self.key("4")).await.unwrap();
        assert_eq!(self.claim("4:", A).await, Claim::New);
        let other = EventKey::new(format!("{}:4", self.group), "");
        assert_eq!(self.store.claim(&other, A).await.unwrap(), Claim::New);
        let hostile = self.key(&"é'\"\n\0".repeat(1000));
        assert_eq!(self.store.claim(&hostile, A).await.unwrap(), Claim::New);
        self.store.done(&hostile).await.unwrap();
        assert_eq!(self.store.claim(&hostile, A).await.unwrap(), Claim::Duplicate);
    }

    async fn a_release_after_the_mark_changes_nothing(&self) {
        assert_eq!(self.claim("5", A).await, Claim::New);
        self.store.done(&self.key("5")).await.unwrap();
        self.store.release(&self.key("5"), A).await.unwrap();
        assert_eq!(self.claim("5", B).await, Claim::Duplicate);
    }

    async fn of_many_claims_at_once_one_is_new(&self) {
        let claims = futures::future::join_all((10..30).map(|owner| self.claim("6", Owner(owner)))).await;
        assert_eq!(claims.iter().filter(|claim| **claim == Claim::New).count(), 1, "{claims:?}");
        assert!(claims.iter().all(|claim| *claim != Claim::Duplicate));
    }
}

/// Waits until a claim comes to what is expected, which it does once something expires.
async fn until(store: &impl DedupeStore, key: &EventKey, owner: Owner, expected: Claim) {
    let waiting = async { while store.claim(key, owner).await.unwrap() != expected {} };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}

async fn claims_and_marks_expire(store: impl DedupeStore) {
    let group = unique("group");
    store.open(&group).await.unwrap();
    let key = EventKey::new(group, "1");
    assert_eq!(store.claim(&key, A).await.unwrap(), Claim::New);
    assert_eq!(store.claim(&key, B).await.unwrap(), Claim::InProgress);
    until(&store, &key, B, Claim::New).await;
    store.done(&key).await.unwrap();
    assert_eq!(store.claim(&key, A).await.unwrap(), Claim::Duplicate);
    until(&store, &key, A, Claim::New).await;
}

fn short_lived(mut settings: Settings) -> Settings {
    settings.idempotency.claim_ttl = Duration::from_millis(300);
    settings.idempotency.ttl = Duration::from_millis(600);
    settings
}

#[tokio::test]
async fn memory_behaves() {
    Suite::run(MemoryStore::new(&settings().idempotency)).await;
    claims_and_marks_expire(MemoryStore::new(&short_lived(settings()).idempotency)).await;
}

#[tokio::test]
async fn a_topic_behaves() {
    Suite::run(TopicStore::new(&settings(), unique("marks"))).await;
    claims_and_marks_expire(TopicStore::new(&short_lived(settings()), unique("marks"))).await;
}

#[tokio::test]
async fn a_topic_tells_the_next_store_what_was_handled() {
    let (settings, topic, group) = (settings(), unique("marks"), unique("group"));
    let store = || TopicStore::new(&settings, &topic);
    let key = |id: usize| EventKey::new(group.as_str(), id.to_string());
    let (first, beside) = (store(), store());
    first.open(&group).await.unwrap();
    beside.open(&group).await.unwrap();
    futures::future::join_all((0..100).map(async |id| first.done(&key(id)).await.unwrap())).await;
    assert_eq!(first.claim(&key(100), A).await.unwrap(), Claim::New);

    // What ran all the time reads what is there before it handles a partition that was another one's.
    beside.partitions_assigned();
    let next = store();
    next.open(&group).await.unwrap();
    for store in [&beside, &next] {
        for id in 0..100 {
            assert_eq!(store.claim(&key(id), B).await.unwrap(), Claim::Duplicate, "{id}");
        }
        assert_eq!(store.claim(&key(100), B).await.unwrap(), Claim::New, "a claim ends with its process");
    }
    let error = next.open("another").await.unwrap_err();
    assert!(error.is_settings() && error.to_string().contains("a store of its own"), "{error}");
}

#[cfg(feature = "redis")]
mod redis {
    use super::*;
    use crate::idempotency::{HybridStore, RedisStore};

    fn hybrid(settings: &Settings, topic: &str) -> HybridStore {
        HybridStore::new(RedisStore::new(settings).unwrap(), TopicStore::new(settings, topic))
    }

    #[tokio::test]
    async fn redis_behaves() {
        Suite::run(RedisStore::new(&settings()).unwrap()).await;
        claims_and_marks_expire(RedisStore::new(&short_lived(settings())).unwrap()).await;
    }

    #[tokio::test]
    async fn redis_and_a_topic_behave() {
        Suite::run(hybrid(&settings(), &unique("marks"))).await;
        claims_and_marks_expire(hybrid(&short_lived(settings()), &unique("marks"))).await;
    }

    #[tokio::test]
    async fn processes_see_each_others_claims_in_redis() {
        let settings = settings();
        let key = EventKey::new(unique("group"), "1");
        let [here, there] = [(); 2].map(|()| RedisStore::new(&settings).unwrap());
        assert_eq!(here.claim(&key, A).await.unwrap(), Claim::New);
        assert_eq!(there.claim(&key, B).await.unwrap(), Claim::InProgress);
        here.done(&key).await.unwrap();
        assert_eq!(there.claim(&key, B).await.unwrap(), Claim::Duplicate);
    }

    #[tokio::test]
    async fn a_wrong_password_is_an_error_that_does_not_show_it() {
        let mut settings = settings();
        (settings.redis.user, settings.redis.password) = (Some("nobody".into()), Some("hunter2".into()));
        let error = RedisStore::new(&settings).unwrap().open("g").await.unwrap_err();
        let text = format!("{error:?}");
        assert!(error.is_store() && text.contains("cannot be used") && !text.contains("hunter"), "{text}");
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused() {
        let mut settings = settings();
        settings.redis.url = "redis://u:hunter2@ no host/x".into();
        let text = format!("{:?}", RedisStore::new(&settings).unwrap_err());
        assert!(text.contains("cannot be used") && !text.contains("hunter"), "{text}");
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql {
    use super::super::sql::{Database, begin, prepare, purge, sqlx};
    use super::*;
    use sqlx::Pool;

    async fn behaves<DB: Database>(pool: Pool<DB>) {
        let (one, two) = tokio::join!(prepare(&pool), prepare(&pool));
        one.and(two).unwrap();
        let group = unique("group");
        let begin = async |id: &str| begin(&pool, &group, id).await.unwrap();

        begin("1").await.expect("new").commit().await.unwrap();
        assert!(begin("1").await.is_none(), "a duplicate");
        assert!(begin("1:").await.is_some());

        begin("2").await.expect("new").rollback().await.unwrap();
        drop(begin("2").await.expect("what was undone is new"));
        begin("2").await.expect("what was dropped is new").commit().await.unwrap();
        assert!(begin("2").await.is_none());

        let at_once = futures::future::join_all((0..8).map(async |_| {
            let Some(tx) = begin("3").await else { return 0 };
            tx.commit().await.unwrap();
            1
        }));
        assert_eq!(at_once.await.into_iter().sum::<i32>(), 1, "the others wait for the first one, and find its mark");

        assert_eq!(purge(&pool, &group, Duration::from_secs(60)).await.unwrap(), 0);
        let of_future = purge(&pool, &group, Duration::ZERO);
        assert!(of_future.await.unwrap() >= 2);
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn sqlite_behaves() {
        use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true);
        behaves(SqlitePool::connect_with(options).await.unwrap()).await;
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn postgres_behaves() {
        let url = std::env::var("EVENTWRIGHT_TEST_POSTGRES").unwrap();
        behaves(sqlx::PgPool::connect(&url).await.unwrap()).await;
    }
}
