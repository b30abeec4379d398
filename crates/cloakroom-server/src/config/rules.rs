//! What values must satisfy together.

use std::time::Duration;

use super::error::Problem;
use super::load::Loading;
use super::value::quoted;
use super::{Config, apps, duration, secret, stores};

/// `shorter` must not exceed `longer`.
struct Order {
    shorter: &'static str,
    longer: &'static str,
    read: fn(&Config) -> (Duration, Duration),
}

static ORDERS: &[Order] = &[
    Order {
        shorter: "session.idle_timeout",
        longer: "session.absolute_timeout",
        read: |config| (config.session.ordinary.idle, config.session.ordinary.absolute),
    },
    Order {
        shorter: "session.remember_idle_timeout",
        longer: "session.remember_absolute_timeout",
        read: |config| (config.session.remember.idle, config.session.remember.absolute),
    },
    Order {
        shorter: "session.anonymous_idle_timeout",
        longer: "session.anonymous_absolute_timeout",
        read: |config| (config.session.anonymous.idle, config.session.anonymous.absolute),
    },
    Order {
        shorter: "session.idle_timeout",
        longer: "session.remember_idle_timeout",
        read: |config| (config.session.ordinary.idle, config.session.remember.idle),
    },
    Order {
        shorter: "session.absolute_timeout",
        longer: "session.remember_absolute_timeout",
        read: |config| (config.session.ordinary.absolute, config.session.remember.absolute),
    },
    Order {
        shorter: "session.renew_grace",
        longer: "session.renew_after",
        read: |config| (config.session.renew_grace, config.session.renew_after),
    },
];

/// Adds a problem for each rule that does not hold.
pub(super) fn check(loading: &mut Loading) {
    let broken: Vec<Problem> =
        ORDERS.iter().filter_map(|order| violation(loading, order)).collect();
    loading.problems.extend(broken);
    secret::settle(loading);
    stores::check(loading);
    apps::check(loading);
}

fn violation(loading: &Loading, order: &Order) -> Option<Problem> {
    let (shorter, longer) = (order.read)(&loading.config);
    if shorter <= longer || !loading.comparable([order.shorter, order.longer]) {
        return None;
    }
    let message = format!(
        "longer than {} = \"{}\" ({}); allowed: at most that",
        order.longer,
        duration::show(longer),
        loading.source(order.longer),
    );
    let value = quoted(&duration::show(shorter));
    Some(Problem::with_value(order.shorter, value, loading.source(order.shorter), message))
}
