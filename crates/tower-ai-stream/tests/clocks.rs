//! What the guard promises of time, on a paused clock.

mod support;

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use support::script::{Step, call, data, drain, ending, guarded};
use tokio::time::Instant;
use tower::ServiceExt;
use tower_ai_core::error::{Elapsed, cause_ref, outcome_of};
use tower_ai_core::{Attempt, BoxError, Outcome};
use tower_ai_stream::{Commit, Ending, Heard, Lapse, StreamGuardLayer};

const SSE: &str = "text/event-stream";
const HEAD: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
const PING: &str = ": keep-alive\n\n";
const SEC: Duration = Duration::from_secs(1);

fn guard() -> StreamGuardLayer {
    StreamGuardLayer::new()
}

/// So many pings, a second apart.
fn pings(count: usize) -> Vec<Step> {
    times(count, &[data(PING), Step::Wait(SEC)])
}

fn times(count: usize, steps: &[Step]) -> Vec<Step> {
    vec![steps; count].concat()
}

fn then(parts: &[&[Step]]) -> Vec<Step> {
    parts.concat()
}

#[tokio::test(start_paused = true)]
async fn a_role_and_pings_for_ever_are_no_content() {
    let start = Instant::now();
    let steps = then(&[&[data(HEAD)], &pings(1000)]);
    let error = call(guard(), SSE, steps).await.unwrap_err();
    assert_eq!(ending(&error), Ending::TimedOut(Lapse::FirstContent));
    assert_eq!(outcome_of(&*error), Outcome::TimedOut);
    assert_eq!(cause_ref::<Elapsed>(&*error).unwrap().limit(), 10 * SEC);
    assert_eq!(Instant::now() - start, 10 * SEC);
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_hide_a_stall() {
    let steps = then(&[&[Step::Wait(3 * SEC), data(WORD)], &pings(1000)]);
    let answer = call(guard(), SSE, steps).await.unwrap();
    let heard = answer.extensions().get::<Heard>().unwrap().clone();
    assert_eq!(heard.first_content(), Some(3 * SEC));
    let start = Instant::now();
    let (_, how) = drain(answer).await;
    assert_eq!(how, Ending::TimedOut(Lapse::Stall));
    assert_eq!(Instant::now() - start, 10 * SEC);
    assert_eq!(heard.ending(), Some(how));
}

#[tokio::test(start_paused = true)]
async fn a_stall_while_the_whole_is_held_is_an_error_of_the_call() {
    let steps = vec![data(WORD), Step::Hang];
    let error = call(guard().commit(Commit::Complete), SSE, steps)
        .await
        .unwrap_err();
    assert_eq!(ending(&error), Ending::TimedOut(Lapse::Stall));
}

#[tokio::test(start_paused = true)]
async fn content_resets_the_stall_clock_however_long_the_answer() {
    let words = times(20, &[data(WORD), Step::Wait(9 * SEC)]);
    let answer = call(guard(), SSE, then(&[&words, &[data(STOP)]]))
        .await
        .unwrap();
    assert_eq!(drain(answer).await.1, Ending::Good);
}

#[tokio::test(start_paused = true)]
async fn the_whole_answer_has_a_limit_of_its_own() -> Result<(), BoxError> {
    let start = Instant::now();
    let words = times(100, &[data(WORD), Step::Wait(SEC)]);
    let answer = call(guard().whole(30 * SEC)?, SSE, words).await?;
    assert_eq!(drain(answer).await.1, Ending::TimedOut(Lapse::Whole));
    assert_eq!(Instant::now() - start, 30 * SEC);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_too_slow_without_a_stall() -> Result<(), BoxError> {
    let layer = guard().least_pace(3, 5 * SEC)?;
    let steps = then(&[
        &times(20, &[data(WORD), Step::Wait(SEC)]),
        &times(20, &[data(WORD), Step::Wait(3 * SEC)]),
    ]);
    let start = Instant::now();
    let answer = call(layer, SSE, steps).await?;
    assert_eq!(drain(answer).await.1, Ending::TimedOut(Lapse::Pace));
    let after = Instant::now() - start;
    assert!(20 * SEC < after && after < 32 * SEC, "{after:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_taken_for_a_slow_provider() {
    use http_body_util::BodyExt;
    let steps = vec![data(WORD), data(PING), data(WORD), data(STOP)];
    let mut body = call(guard(), SSE, steps).await.unwrap().into_body();
    while let Some(frame) = body.frame().await {
        frame.expect("no error");
        tokio::time::sleep(60 * SEC).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_over_is_held_open_only_briefly() {
    let start = Instant::now();
    let steps = vec![
        data(WORD),
        data(STOP),
        Step::Wait(SEC / 2),
        data(USAGE),
        Step::Hang,
    ];
    let answer = call(guard(), SSE, steps).await.unwrap();
    let heard = answer.extensions().get::<Heard>().unwrap().clone();
    assert_eq!(
        drain(answer).await,
        ([WORD, STOP, USAGE].concat(), Ending::Good)
    );
    assert_eq!(
        heard.usage().output,
        Some(2),
        "what follows the end in time is heard"
    );
    assert_eq!(Instant::now() - start, SEC);
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_that_is_held_open_is_passed_on() {
    for layer in [guard(), guard().commit(Commit::Complete)] {
        let steps = vec![data(WORD), data(STOP), Step::Hang];
        let answer = call(layer, SSE, steps).await.unwrap();
        assert_eq!(drain(answer).await, ([WORD, STOP].concat(), Ending::Good));
    }
    let steps = vec![data("{\"choices\":[]}"), Step::Hang];
    let answer = call(guard(), "application/json", steps).await.unwrap();
    assert_eq!(drain(answer).await.1, Ending::Good);
}

#[tokio::test(start_paused = true)]
async fn a_reason_to_end_with_every_event_does_not_cut_the_answer() {
    let word = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}\n\n";
    let steps = times(4, &[data(word), Step::Wait(5 * SEC)]);
    let answer = call(guard(), SSE, steps).await.unwrap();
    assert_eq!(drain(answer).await, (word.repeat(4), Ending::Good));
}

#[tokio::test(start_paused = true)]
async fn a_json_text_may_take_its_time_to_begin_but_not_to_go_on() {
    let json = "application/json";
    let space = times(40, &[data("\n"), Step::Wait(SEC)]);
    let steps = then(&[&space, &[data("{\"choices\":[]}")]]);
    let answer = call(guard(), json, steps).await.unwrap();
    assert_eq!(drain(answer).await.1, Ending::Good);

    let start = Instant::now();
    let steps = then(&[&[data("{\"choices\":")], &space]);
    let error = call(guard(), json, steps).await.unwrap_err();
    assert_eq!(ending(&error), Ending::TimedOut(Lapse::Stall));
    assert_eq!(Instant::now() - start, 10 * SEC);
}

#[tokio::test(start_paused = true)]
async fn json_that_was_asked_for_as_a_stream_is_one() {
    let answer = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}]";
    let list = vec![Step::Wait(20 * SEC), data(answer)];
    let alive = Arc::new(());
    let ask = async |streamed| {
        let mut request = Request::new(());
        let attempt = Attempt::begin(Instant::now()).with_streamed(streamed);
        request.extensions_mut().insert(attempt);
        let service = guarded(guard(), "application/json", list.clone(), &alive);
        service.oneshot(request).await
    };
    let error = ask(true).await.unwrap_err();
    assert_eq!(ending(&error), Ending::TimedOut(Lapse::FirstContent));
    assert!(
        ask(false).await.is_ok(),
        "a plain answer has no content before its end"
    );
}

#[tokio::test(start_paused = true)]
async fn an_ndjson_stream_under_a_wrong_name_flows() {
    let line = "{\"message\":{\"content\":\"a\"},\"done\":false}\n";
    let last = "{\"message\":{\"content\":\"\"},\"done\":true}\n";
    let steps = vec![
        data(line),
        Step::Wait(SEC / 2),
        data(line),
        Step::Wait(5 * SEC),
        data(last),
    ];
    let answer = call(guard(), "application/json", steps).await.unwrap();
    assert_eq!(
        drain(answer).await,
        ([line, line, last].concat(), Ending::Good)
    );
}

#[tokio::test(start_paused = true)]
async fn a_choice_that_opens_after_another_has_ended_is_waited_for() {
    let other = "data: {\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    let steps = vec![data(WORD), data(STOP), data(other), Step::Hang];
    let answer = call(guard(), SSE, steps).await.unwrap();
    assert_eq!(drain(answer).await.1, Ending::TimedOut(Lapse::Stall));
}
