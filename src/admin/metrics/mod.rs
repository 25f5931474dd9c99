//! `/metrics`: the tables as Prometheus reads them.
//!
//! Whoever counts adds to a plain number; here is where a number gets its name. One function for each group, in the order
//! of the README's table. Labels are names out of the configuration and words out of this code, never what a client
//! said, so there are no more series than pools times reasons or backends times states. [`sheet`] has the format.

mod backends;
mod sheet;

use super::{Page, View};
use crate::balance::{Pool, PoolId};
use crate::base::tally::{CLASSES, FINISHED, Tally};
use crate::host::{birth, stderr};
use crate::http::{Request, Status};
use crate::net::Calls;
use crate::proxy::reason::Reason;
use sheet::{Labels, Sheet};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Clients and requests that were sent away, or made to wait outside, because there were too many.
const SHED: [Reason; 5] =
    [Reason::QueueFull, Reason::QueueTimeout, Reason::ClientConnections, Reason::ClientRequests, Reason::MadeRoom];

/// In OpenMetrics for who asks for it, else in the older format, which every reader knows.
pub(super) fn page(request: &Request<'_, '_>, view: &View<'_>) -> Page {
    let open = request.fields.iter().any(|field| field.name.eq_ignore_ascii_case("accept") && wants_open(field.value));
    let content_type = if open { OPEN_METRICS } else { PLAIN };
    Page { content_type, body: read(view).write(open).into_bytes(), ..Page::text(Status(200), "") }
}

/// Whether a field `Accept` names OpenMetrics (RFC 9110 section 12.5.1). Who prefers the other format does not.
fn wants_open(accept: &[u8]) -> bool {
    let is_open = |range: &[u8]| range.trim_ascii().eq_ignore_ascii_case(b"application/openmetrics-text");
    accept.split(|&byte| byte == b',').any(|range| range.split(|&byte| byte == b';').next().is_some_and(is_open))
}

fn read(view: &View<'_>) -> Sheet {
    let mut sheet = Sheet::default();
    connections(view, &mut sheet);
    requests(view, &mut sheet);
    shedding(view, &mut sheet);
    bytes(view, &mut sheet);
    backends::read(view, &mut sheet);
    upstreams(view, &mut sheet);
    turns(view, &mut sheet);
    calls(&view.calls, &mut sheet);
    records(view, &mut sheet);
    process(view, &mut sheet);
    sheet
}

/// The pools that are in use. What a pool that is gone had counted is told again should it return.
fn pools<'a>(view: &View<'a>) -> impl Iterator<Item = (Labels, PoolId, &'a Pool)> {
    let numbered = (0..).zip(view.backends.pools()).filter(|(_, (pool, _))| !pool.is_gone());
    numbered.map(|(number, (pool, _))| (Labels::of(&[("pool", &pool.name)]), PoolId(number), pool))
}

fn connections(view: &View<'_>, sheet: &mut Sheet) {
    let here = || view.routing.iter().zip(view.crowds).filter(|(routing, _)| !routing.leaving);
    let crowds = || here().map(|(_, crowd)| (Labels::of(&[("listener", &crowd.name)]), crowd));
    sheet.counts(
        "evenkeel_connections_accepted",
        "Client connections accepted.",
        crowds().map(|(labels, crowd)| (labels, crowd.accepted)),
    );
    sheet.levels(
        "evenkeel_connections_open",
        "Client connections that are open.",
        crowds().map(|(labels, crowd)| (labels, u64::from(crowd.open))),
    );
    let endings = view.stats.reasons.iter().map(|(&reason, &count)| (Labels::of(&[]).with("reason", reason), count));
    sheet.counts("evenkeel_endings", "How connections ended, and why requests did not finish.", endings);
}

fn requests(view: &View<'_>, sheet: &mut Sheet) {
    let budgets = || pools(view).map(|(labels, _, pool)| (labels, &pool.retries));
    let tallies = || pools(view).filter_map(|(labels, id, _)| Some((labels, view.tallies.get(id.0)?)));
    let nowhere = (Labels::of(&[("pool", "")]), &view.tallies.nowhere);
    sheet.counts(
        "evenkeel_requests",
        "Requests and TCP connections that ended, by what the client was told and why; without a pool: refused, or \
         answered here.",
        tallies().chain([nowhere]).flat_map(|(labels, tally)| endings(&labels, tally)),
    );
    let alive = view.stats.admitted - view.stats.finished - view.stats.failed;
    sheet.level("evenkeel_requests_in_flight", "Requests and TCP connections under way.", alive);
    sheet.spreads(
        "evenkeel_request_duration_seconds",
        "From the first byte of a request to the last of its answer, tunnels left out.",
        tallies().map(|(labels, tally)| (labels, &tally.durations)),
    );
    sheet.counts(
        "evenkeel_retries",
        "Requests sent once more.",
        tallies().flat_map(|(labels, tally)| {
            tally.retries().map(move |(reason, count)| (labels.with("reason", reason), count)).collect::<Vec<_>>()
        }),
    );
    sheet.counts(
        "evenkeel_retries_denied",
        "Requests not sent once more because the budget was used up.",
        tallies().map(|(labels, tally)| (labels, tally.denied)),
    );
    sheet.measures(
        "evenkeel_retry_budget_tokens",
        "Retries that the budget has left.",
        budgets().map(|(labels, budget)| (labels, budget.tokens())),
    );
}

/// The common ways to end are told even before the first time, so that a rate is seen from the first one on.
fn endings(labels: &Labels, tally: &Tally) -> Vec<(Labels, u64)> {
    let common = |class, reason| reason == FINISHED && CLASSES[2..6].contains(&class);
    let told = tally.endings().filter(|&(class, reason, count)| count > 0 || common(class, reason));
    told.map(|(class, reason, count)| (labels.with("class", class).with("reason", reason), count)).collect()
}

fn shedding(view: &View<'_>, sheet: &mut Sheet) {
    let stats = view.stats;
    let ended = SHED.map(|reason| (reason.name(), stats.reasons.get(reason.name()).copied().unwrap_or(0)));
    let full = [("full", stats.full), ("listener_full", stats.listener_full)];
    sheet.counts(
        "evenkeel_shed",
        "Clients and requests sent away because there were too many; full: times that others began to wait outside.",
        ended.into_iter().chain(full).map(|(reason, count)| (Labels::of(&[]).with("reason", reason), count)),
    );
    sheet.count("evenkeel_queued", "Requests that had to wait for a backend that is not full.", stats.queued);
    sheet.levels(
        "evenkeel_queue_length",
        "Requests that wait for a backend that is not full.",
        pools(view).map(|(labels, id, _)| (labels, view.queues.length(id) as u64)),
    );
}

fn bytes(view: &View<'_>, sheet: &mut Sheet) {
    let both = [("up", view.stats.bytes_up), ("down", view.stats.bytes_down)];
    sheet.counts(
        "evenkeel_transferred_bytes",
        "Bytes passed on, heads included: up to backends, down to clients.",
        both.map(|(way, count)| (Labels::of(&[]).with("direction", way), count)),
    );
    sheet.count("evenkeel_spliced_bytes", "Of these: passed inside the kernel, uncopied.", view.stats.bytes_spliced);
}

fn upstreams(view: &View<'_>, sheet: &mut Sheet) {
    let stats = view.stats;
    let found = [("hit", stats.reused), ("miss", stats.connects)];
    sheet.counts(
        "evenkeel_upstream_lookups",
        "Connections to backends for requests: taken from the pool of idle ones, or begun.",
        found.map(|(result, count)| (Labels::of(&[]).with("result", result), count)),
    );
    sheet.level("evenkeel_upstream_idle", "Idle connections to backends in the pool.", view.idle as u64);
    sheet.count("evenkeel_upstream_surplus", "Connections to backends that brought bytes unasked.", stats.surplus);
}

fn turns(view: &View<'_>, sheet: &mut Sheet) {
    let (stats, tallies) = (view.stats, view.tallies);
    sheet.span("evenkeel_loop_busy_seconds", "Time that the loop worked.", tallies.turns.sum());
    sheet.span("evenkeel_loop_waited_seconds", "Time that the loop waited.", tallies.waited(view.now));
    let turns = [(Labels::of(&[]), &tallies.turns)];
    sheet.spreads("evenkeel_loop_turn_duration_seconds", "How long one turn of the loop works.", turns);
    let useful = [("yes", stats.turns - stats.turns_in_vain), ("no", stats.turns_in_vain)];
    sheet.counts(
        "evenkeel_loop_wakeups",
        "Wake-ups of the loop, by whether there was anything to do.",
        useful.map(|(word, count)| (Labels::of(&[]).with("useful", word), count)),
    );
    sheet.count("evenkeel_loop_stuck", "Sessions that went on without moving: each one is a bug.", stats.stuck);
    sheet.count("evenkeel_accounting_violations", "Broken laws of counting: each one is a bug.", stats.violations);
}

fn calls(calls: &Calls, sheet: &mut Sheet) {
    let kinds = [
        ("wait", calls.wait),
        ("listen", calls.listen),
        ("accept", calls.accept),
        ("local_address", calls.local_address),
        ("connect", calls.connect),
        ("outcome", calls.outcome),
        ("watch", calls.watch),
        ("read", calls.read),
        ("write", calls.write),
        ("pull", calls.pull),
        ("low_water", calls.low_water),
        ("mute", calls.mute),
        ("push", calls.push),
        ("finish", calls.finish),
        ("reset", calls.reset),
        ("close", calls.close),
    ];
    let named = |(call, count)| (Labels::of(&[]).with("call", call), count);
    sheet.counts("evenkeel_system_calls", "What was asked of the operating system.", kinds.map(named));
    let in_vain = [("read", calls.read_nothing), ("write", calls.write_blocked)];
    sheet.counts("evenkeel_system_calls_in_vain", "Of these: moved no byte.", in_vain.map(named));
}

fn records(view: &View<'_>, sheet: &mut Sheet) {
    sheet.count("evenkeel_access_log_lines", "Lines of the access log.", view.stats.access_lines);
    sheet.count("evenkeel_access_log_dropped", "Of these: dropped.", view.stats.access_dropped);
    sheet.count("evenkeel_log_dropped", "Lines on stderr dropped because nobody read them.", stderr::dropped());
    sheet.level("evenkeel_receipts", "Requests whose receipt is kept.", view.receipts.iter().count() as u64);
}

fn process(view: &View<'_>, sheet: &mut Sheet) {
    let version = Labels::of(&[]).with("version", env!("CARGO_PKG_VERSION"));
    sheet.told("evenkeel_build", "What runs here.", version);
    if let Some(birth) = birth::moment() {
        let name = "evenkeel_process_start_time_seconds";
        sheet.measures(name, "When it started, since 1970.", [(Labels::of(&[]), birth.as_secs_f64())]);
    }
    let up = (view.now - view.tallies.since).as_secs_f64();
    sheet.measures("evenkeel_process_uptime_seconds", "How long it has run.", [(Labels::of(&[]), up)]);
    let reloads = [("taken", view.stats.reloads), ("refused", view.stats.reloads_refused)];
    let reloads = reloads.map(|(result, count)| (Labels::of(&[]).with("result", result), count));
    sheet.counts("evenkeel_reloads", "Configurations read anew, by what became of them.", reloads);
    sheet.level("evenkeel_sockets", "Sockets that are open.", view.sockets as u64);
    sheet.level("evenkeel_draining", "1 while it leaves.", u64::from(view.draining));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_who_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert!(wants_open(prometheus.as_bytes()));
        assert!(wants_open(b"text/plain, Application/OpenMetrics-Text"));
        for other in ["*/*", "text/plain;version=0.0.4", "application/openmetrics-textual", "", ",;"] {
            assert!(!wants_open(other.as_bytes()), "{other}");
        }
    }
}
